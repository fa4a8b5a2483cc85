package eas

// Ping is the request of the Ping command (MS-ASCMD 2.2.1.13). What is absent
// is as in the last Ping.
type Ping struct {
	_                 struct{}     `wbxml:"Ping:Ping"`
	HeartbeatInterval *uint        `wbxml:"Ping:HeartbeatInterval"` // seconds (2.2.3.84.1)
	Folders           []PingFolder `wbxml:"Ping:Folders>Folder"`
}

// PingFolder is a folder to watch (MS-ASCMD 2.2.3.71.1).
type PingFolder struct {
	ID    string `wbxml:"Ping:Id,max=64"`
	Class string `wbxml:"Ping:Class,omitempty,max=64"`
}

// PingResponse is the response of the Ping command.
type PingResponse struct {
	_                 struct{}   `wbxml:"Ping:Ping"`
	Status            PingStatus `wbxml:"Ping:Status"`
	Folders           []string   `wbxml:"Ping:Folders>Folder"`    // with status 2
	MaxFolders        *uint      `wbxml:"Ping:MaxFolders"`        // with status 6
	HeartbeatInterval *uint      `wbxml:"Ping:HeartbeatInterval"` // with status 5
}
