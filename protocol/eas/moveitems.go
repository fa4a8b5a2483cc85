package eas

// MoveItems is the request of the MoveItems command (MS-ASCMD 2.2.1.12).
type MoveItems struct {
	_     struct{} `wbxml:"Move:MoveItems"`
	Moves []Move   `wbxml:"Move:Move"`
}

// Move is one move (MS-ASCMD 2.2.3.113.1).
type Move struct {
	SrcMsgID string `wbxml:"Move:SrcMsgId,required,max=64,filled"`
	SrcFldID string `wbxml:"Move:SrcFldId,required,max=64"`
	DstFldID string `wbxml:"Move:DstFldId,required,max=64"`
}

// MoveItemsResponse is the response of the MoveItems command. Status is only
// set for an error of the whole request.
type MoveItemsResponse struct {
	_         struct{}        `wbxml:"Move:MoveItems"`
	Status    MoveItemsStatus `wbxml:"Move:Status,omitempty"`
	Responses []MoveResponse  `wbxml:"Move:Response"`
}

// MoveResponse is the outcome of one move; DstMsgID only with success.
type MoveResponse struct {
	SrcMsgID string          `wbxml:"Move:SrcMsgId"`
	Status   MoveItemsStatus `wbxml:"Move:Status"`
	DstMsgID string          `wbxml:"Move:DstMsgId,omitempty"`
}
