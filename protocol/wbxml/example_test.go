package wbxml_test

import (
	"fmt"

	"martlet/protocol/wbxml"
)

// Ping is a request with a folder to watch.
type Ping struct {
	_                 struct{} `wbxml:"Ping:Ping"`
	HeartbeatInterval *uint    `wbxml:"Ping:HeartbeatInterval"`
	Folders           []Folder `wbxml:"Ping:Folders>Folder"`
}

type Folder struct {
	ID    string `wbxml:"Ping:Id"`
	Class string `wbxml:"Ping:Class"`
}

func Example() {
	heartbeat := uint(480)
	b, err := wbxml.Marshal(Ping{HeartbeatInterval: &heartbeat, Folders: []Folder{{"5", "Email"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%x\n", b)

	var p Ping
	if err := wbxml.Unmarshal(b, &p); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*p.HeartbeatInterval, p.Folders)
	// Output:
	// 03016a00000d4548033438300001494a4b033500014c03456d61696c0001010101
	// 480 [{5 Email}]
}

func ExampleDump() {
	fmt.Println(wbxml.Dump([]byte{0x03, 0x01, 0x6A, 0x00, 0x00, 0x0D, 0x45, 0x47, 0x03, '2', 0x00, 0x01, 0x01}))
	// Output:
	// <?xml version="1.0" encoding="utf-8"?>
	// <Ping xmlns="Ping">
	//   <Status>2</Status>
	// </Ping>
}
