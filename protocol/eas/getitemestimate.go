package eas

// GetItemEstimate is the request of the GetItemEstimate command (MS-ASCMD
// 2.2.1.9).
type GetItemEstimate struct {
	_           struct{}             `wbxml:"GetItemEstimate:GetItemEstimate"`
	Collections []EstimateCollection `wbxml:"GetItemEstimate:Collections>Collection"`
}

// EstimateCollection is a collection whose changes are to be counted (MS-ASCMD
// 2.2.3.29.1). Up to 12.1 Class and FilterType stand in it, since 14.0 in
// Options.
type EstimateCollection struct {
	SyncKey          string        `wbxml:"AirSync:SyncKey,max=64"`
	CollectionID     string        `wbxml:"GetItemEstimate:CollectionId,omitempty,max=64"`
	ConversationMode *bool         `wbxml:"AirSync:ConversationMode"`
	Class            string        `wbxml:"GetItemEstimate:Class,omitempty,max=64"`
	FilterType       *uint         `wbxml:"AirSync:FilterType"`
	Options          []SyncOptions `wbxml:"AirSync:Options"`
}

// GetItemEstimateResponse is the response of the GetItemEstimate command. With
// a Status of its own it has no Responses.
type GetItemEstimateResponse struct {
	_         struct{}              `wbxml:"GetItemEstimate:GetItemEstimate"`
	Status    GetItemEstimateStatus `wbxml:"GetItemEstimate:Status,omitempty"`
	Responses []EstimateResponse    `wbxml:"GetItemEstimate:Response"`
}

// EstimateResponse is the answer for one collection.
type EstimateResponse struct {
	Status     GetItemEstimateStatus `wbxml:"GetItemEstimate:Status"`
	Collection *EstimatedCollection  `wbxml:"GetItemEstimate:Collection"`
}

// EstimatedCollection is the count for one collection.
type EstimatedCollection struct {
	Class        string `wbxml:"GetItemEstimate:Class,omitempty"` // 2.5 to 12.1
	CollectionID string `wbxml:"GetItemEstimate:CollectionId"`
	Estimate     *uint  `wbxml:"GetItemEstimate:Estimate"`
}
