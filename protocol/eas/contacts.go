package eas

import "time"

// Contact is a contact as ApplicationData or Properties carry it (MS-ASCNTC
// 2.2.2), in both directions: an element that is absent is nil, one that is
// empty points to nothing. Alias and WeightedRank belong to the recipient
// information alone (MS-ASCNTC_R105, R415): see RecipientInfo.
type Contact struct {
	FileAs          *string `wbxml:"Contacts:FileAs"`
	FirstName       *string `wbxml:"Contacts:FirstName"`
	LastName        *string `wbxml:"Contacts:LastName"`
	MiddleName      *string `wbxml:"Contacts:MiddleName"`
	Title           *string `wbxml:"Contacts:Title"`
	Suffix          *string `wbxml:"Contacts:Suffix"`
	NickName        *string `wbxml:"Contacts2:NickName"`
	YomiFirstName   *string `wbxml:"Contacts:YomiFirstName"`
	YomiLastName    *string `wbxml:"Contacts:YomiLastName"`
	YomiCompanyName *string `wbxml:"Contacts:YomiCompanyName"`

	CompanyName    *string `wbxml:"Contacts:CompanyName"`
	Department     *string `wbxml:"Contacts:Department"`
	JobTitle       *string `wbxml:"Contacts:JobTitle"`
	OfficeLocation *string `wbxml:"Contacts:OfficeLocation"`
	ManagerName    *string `wbxml:"Contacts2:ManagerName"`
	AssistantName  *string `wbxml:"Contacts:AssistantName"`
	CustomerID     *string `wbxml:"Contacts2:CustomerId"`
	GovernmentID   *string `wbxml:"Contacts2:GovernmentId"`
	AccountName    *string `wbxml:"Contacts2:AccountName"`

	Email1Address *string `wbxml:"Contacts:Email1Address"` // an address, or "Name" <address>
	Email2Address *string `wbxml:"Contacts:Email2Address"`
	Email3Address *string `wbxml:"Contacts:Email3Address"`
	IMAddress     *string `wbxml:"Contacts2:IMAddress"`
	IMAddress2    *string `wbxml:"Contacts2:IMAddress2"`
	IMAddress3    *string `wbxml:"Contacts2:IMAddress3"`
	WebPage       *string `wbxml:"Contacts:WebPage"`

	MobilePhoneNumber    *string `wbxml:"Contacts:MobilePhoneNumber"`
	HomePhoneNumber      *string `wbxml:"Contacts:HomePhoneNumber"`
	Home2PhoneNumber     *string `wbxml:"Contacts:Home2PhoneNumber"`
	BusinessPhoneNumber  *string `wbxml:"Contacts:BusinessPhoneNumber"`
	Business2PhoneNumber *string `wbxml:"Contacts:Business2PhoneNumber"`
	HomeFaxNumber        *string `wbxml:"Contacts:HomeFaxNumber"`
	BusinessFaxNumber    *string `wbxml:"Contacts:BusinessFaxNumber"`
	PagerNumber          *string `wbxml:"Contacts:PagerNumber"`
	CarPhoneNumber       *string `wbxml:"Contacts:CarPhoneNumber"`
	RadioPhoneNumber     *string `wbxml:"Contacts:RadioPhoneNumber"`
	AssistantPhoneNumber *string `wbxml:"Contacts:AssistantPhoneNumber"`
	CompanyMainPhone     *string `wbxml:"Contacts2:CompanyMainPhone"`
	MMS                  *string `wbxml:"Contacts2:MMS"`

	HomeAddressStreet         *string `wbxml:"Contacts:HomeAddressStreet"`
	HomeAddressCity           *string `wbxml:"Contacts:HomeAddressCity"`
	HomeAddressState          *string `wbxml:"Contacts:HomeAddressState"`
	HomeAddressPostalCode     *string `wbxml:"Contacts:HomeAddressPostalCode"`
	HomeAddressCountry        *string `wbxml:"Contacts:HomeAddressCountry"`
	BusinessAddressStreet     *string `wbxml:"Contacts:BusinessAddressStreet"`
	BusinessAddressCity       *string `wbxml:"Contacts:BusinessAddressCity"`
	BusinessAddressState      *string `wbxml:"Contacts:BusinessAddressState"`
	BusinessAddressPostalCode *string `wbxml:"Contacts:BusinessAddressPostalCode"`
	BusinessAddressCountry    *string `wbxml:"Contacts:BusinessAddressCountry"`
	OtherAddressStreet        *string `wbxml:"Contacts:OtherAddressStreet"`
	OtherAddressCity          *string `wbxml:"Contacts:OtherAddressCity"`
	OtherAddressState         *string `wbxml:"Contacts:OtherAddressState"`
	OtherAddressPostalCode    *string `wbxml:"Contacts:OtherAddressPostalCode"`
	OtherAddressCountry       *string `wbxml:"Contacts:OtherAddressCountry"`

	Birthday    *time.Time `wbxml:"Contacts:Birthday"` // a day; the time means nothing (MS-ASCNTC 2.2.2.6)
	Anniversary *time.Time `wbxml:"Contacts:Anniversary"`
	Spouse      *string    `wbxml:"Contacts:Spouse"`
	Children    []string   `wbxml:"Contacts:Children>Child"`      // up to 300
	Categories  []string   `wbxml:"Contacts:Categories>Category"` // up to 300
	Picture     *string    `wbxml:"Contacts:Picture"`             // base64, up to 48 KB of it

	Body *Body `wbxml:"AirSyncBase:Body"` // 12.0 and later
	LegacyContactBody
}

// LegacyContactBody is a contact's body in version 2.5.
type LegacyContactBody struct {
	PlainBody     *string `wbxml:"Contacts:Body"`
	BodySize      *uint32 `wbxml:"Contacts:BodySize"`
	BodyTruncated *bool   `wbxml:"Contacts:BodyTruncated"`
	RTF           *string `wbxml:"Contacts:Rtf"` // compressed RTF in base64
}
