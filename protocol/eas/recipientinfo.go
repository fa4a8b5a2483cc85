package eas

// RecipientInfo is somebody in the recipient information cache (MS-ASCNTC
// 3.2.4.4). Alias is in the schema, but Exchange does not send it (R1010).
type RecipientInfo struct {
	Email1Address string `wbxml:"Contacts:Email1Address,omitempty"`
	FileAs        string `wbxml:"Contacts:FileAs,omitempty"`
	WeightedRank  int    `wbxml:"Contacts:WeightedRank"`
}
