package class

import "martlet/protocol/eas"

// slot is a place in a contact that one property of a card fills.
type slot uint8

// The slots, those of a kind together.
const (
	slotName slot = iota
	slotOrg
	slotEmail1
	slotEmail2
	slotEmail3
	slotChat1
	slotChat2
	slotChat3
	slotMobile
	slotHome
	slotHome2
	slotWork
	slotWork2
	slotHomeFax
	slotWorkFax
	slotPager
	slotCar
	slotRadio
	slotAssistantPhone
	slotCompanyPhone
	slotHomeAddress
	slotWorkAddress
	slotOtherAddress
	slotFileAs
	slotNickname
	slotYomiFirst
	slotYomiLast
	slotYomiCompany
	slotTitle
	slotOffice
	slotManager
	slotAssistant
	slotCustomer
	slotGovernment
	slotAccount
	slotPage
	slotMMS
	slotSpouse
	slotBirthday
	slotAnniversary
	slotCount
)

// Parts of an address that stand in several components, and the whole of a value.
const (
	wholeValue = -1
	partStreet = 2
)

// contactElement is an element that is a text: which slot it shows, and which
// component of it.
type contactElement struct {
	tag   string
	field func(*eas.Contact) **string
	slot  slot
	part  int
}

// contactElements are the elements of the Contacts and Contacts2 namespaces that
// are texts (MS-ASCNTC 2.2.2). Title is what stands before the name: the business
// title is JobTitle.
var contactElements = [...]contactElement{
	{"Contacts:FileAs", func(c *eas.Contact) **string { return &c.FileAs }, slotFileAs, wholeValue},
	{"Contacts:LastName", func(c *eas.Contact) **string { return &c.LastName }, slotName, 0},
	{"Contacts:FirstName", func(c *eas.Contact) **string { return &c.FirstName }, slotName, 1},
	{"Contacts:MiddleName", func(c *eas.Contact) **string { return &c.MiddleName }, slotName, 2},
	{"Contacts:Title", func(c *eas.Contact) **string { return &c.Title }, slotName, 3},
	{"Contacts:Suffix", func(c *eas.Contact) **string { return &c.Suffix }, slotName, 4},
	{"Contacts2:NickName", func(c *eas.Contact) **string { return &c.NickName }, slotNickname, wholeValue},
	{"Contacts:YomiFirstName", func(c *eas.Contact) **string { return &c.YomiFirstName }, slotYomiFirst, wholeValue},
	{"Contacts:YomiLastName", func(c *eas.Contact) **string { return &c.YomiLastName }, slotYomiLast, wholeValue},
	{"Contacts:YomiCompanyName", func(c *eas.Contact) **string { return &c.YomiCompanyName }, slotYomiCompany, wholeValue},

	{"Contacts:CompanyName", func(c *eas.Contact) **string { return &c.CompanyName }, slotOrg, 0},
	{"Contacts:Department", func(c *eas.Contact) **string { return &c.Department }, slotOrg, 1},
	{"Contacts:JobTitle", func(c *eas.Contact) **string { return &c.JobTitle }, slotTitle, wholeValue},
	{"Contacts:OfficeLocation", func(c *eas.Contact) **string { return &c.OfficeLocation }, slotOffice, wholeValue},
	{"Contacts2:ManagerName", func(c *eas.Contact) **string { return &c.ManagerName }, slotManager, wholeValue},
	{"Contacts:AssistantName", func(c *eas.Contact) **string { return &c.AssistantName }, slotAssistant, wholeValue},
	{"Contacts2:CustomerId", func(c *eas.Contact) **string { return &c.CustomerID }, slotCustomer, wholeValue},
	{"Contacts2:GovernmentId", func(c *eas.Contact) **string { return &c.GovernmentID }, slotGovernment, wholeValue},
	{"Contacts2:AccountName", func(c *eas.Contact) **string { return &c.AccountName }, slotAccount, wholeValue},

	{"Contacts:Email1Address", func(c *eas.Contact) **string { return &c.Email1Address }, slotEmail1, wholeValue},
	{"Contacts:Email2Address", func(c *eas.Contact) **string { return &c.Email2Address }, slotEmail2, wholeValue},
	{"Contacts:Email3Address", func(c *eas.Contact) **string { return &c.Email3Address }, slotEmail3, wholeValue},
	{"Contacts2:IMAddress", func(c *eas.Contact) **string { return &c.IMAddress }, slotChat1, wholeValue},
	{"Contacts2:IMAddress2", func(c *eas.Contact) **string { return &c.IMAddress2 }, slotChat2, wholeValue},
	{"Contacts2:IMAddress3", func(c *eas.Contact) **string { return &c.IMAddress3 }, slotChat3, wholeValue},
	{"Contacts:WebPage", func(c *eas.Contact) **string { return &c.WebPage }, slotPage, wholeValue},

	{"Contacts:MobilePhoneNumber", func(c *eas.Contact) **string { return &c.MobilePhoneNumber }, slotMobile, wholeValue},
	{"Contacts:HomePhoneNumber", func(c *eas.Contact) **string { return &c.HomePhoneNumber }, slotHome, wholeValue},
	{"Contacts:Home2PhoneNumber", func(c *eas.Contact) **string { return &c.Home2PhoneNumber }, slotHome2, wholeValue},
	{"Contacts:BusinessPhoneNumber", func(c *eas.Contact) **string { return &c.BusinessPhoneNumber }, slotWork, wholeValue},
	{"Contacts:Business2PhoneNumber", func(c *eas.Contact) **string { return &c.Business2PhoneNumber }, slotWork2, wholeValue},
	{"Contacts:HomeFaxNumber", func(c *eas.Contact) **string { return &c.HomeFaxNumber }, slotHomeFax, wholeValue},
	{"Contacts:BusinessFaxNumber", func(c *eas.Contact) **string { return &c.BusinessFaxNumber }, slotWorkFax, wholeValue},
	{"Contacts:PagerNumber", func(c *eas.Contact) **string { return &c.PagerNumber }, slotPager, wholeValue},
	{"Contacts:CarPhoneNumber", func(c *eas.Contact) **string { return &c.CarPhoneNumber }, slotCar, wholeValue},
	{"Contacts:RadioPhoneNumber", func(c *eas.Contact) **string { return &c.RadioPhoneNumber }, slotRadio, wholeValue},
	{"Contacts:AssistantPhoneNumber", func(c *eas.Contact) **string { return &c.AssistantPhoneNumber }, slotAssistantPhone, wholeValue},
	{"Contacts2:CompanyMainPhone", func(c *eas.Contact) **string { return &c.CompanyMainPhone }, slotCompanyPhone, wholeValue},
	{"Contacts2:MMS", func(c *eas.Contact) **string { return &c.MMS }, slotMMS, wholeValue},

	{"Contacts:HomeAddressStreet", func(c *eas.Contact) **string { return &c.HomeAddressStreet }, slotHomeAddress, partStreet},
	{"Contacts:HomeAddressCity", func(c *eas.Contact) **string { return &c.HomeAddressCity }, slotHomeAddress, 3},
	{"Contacts:HomeAddressState", func(c *eas.Contact) **string { return &c.HomeAddressState }, slotHomeAddress, 4},
	{"Contacts:HomeAddressPostalCode", func(c *eas.Contact) **string { return &c.HomeAddressPostalCode }, slotHomeAddress, 5},
	{"Contacts:HomeAddressCountry", func(c *eas.Contact) **string { return &c.HomeAddressCountry }, slotHomeAddress, 6},
	{"Contacts:BusinessAddressStreet", func(c *eas.Contact) **string { return &c.BusinessAddressStreet }, slotWorkAddress, partStreet},
	{"Contacts:BusinessAddressCity", func(c *eas.Contact) **string { return &c.BusinessAddressCity }, slotWorkAddress, 3},
	{"Contacts:BusinessAddressState", func(c *eas.Contact) **string { return &c.BusinessAddressState }, slotWorkAddress, 4},
	{"Contacts:BusinessAddressPostalCode", func(c *eas.Contact) **string { return &c.BusinessAddressPostalCode }, slotWorkAddress, 5},
	{"Contacts:BusinessAddressCountry", func(c *eas.Contact) **string { return &c.BusinessAddressCountry }, slotWorkAddress, 6},
	{"Contacts:OtherAddressStreet", func(c *eas.Contact) **string { return &c.OtherAddressStreet }, slotOtherAddress, partStreet},
	{"Contacts:OtherAddressCity", func(c *eas.Contact) **string { return &c.OtherAddressCity }, slotOtherAddress, 3},
	{"Contacts:OtherAddressState", func(c *eas.Contact) **string { return &c.OtherAddressState }, slotOtherAddress, 4},
	{"Contacts:OtherAddressPostalCode", func(c *eas.Contact) **string { return &c.OtherAddressPostalCode }, slotOtherAddress, 5},
	{"Contacts:OtherAddressCountry", func(c *eas.Contact) **string { return &c.OtherAddressCountry }, slotOtherAddress, 6},

	{"Contacts:Spouse", func(c *eas.Contact) **string { return &c.Spouse }, slotSpouse, wholeValue},
}

// How a card says which slot a property fills where its type does not.
const (
	markParam = "X-ACTIVESYNC"
	markNone  = "none"
)

// markOf is the slot's name in a card: the first element's that it fills.
func markOf(s slot) string {
	switch s {
	case slotBirthday:
		return "Birthday"
	case slotAnniversary:
		return "Anniversary"
	}
	for i := range contactElements {
		if contactElements[i].slot == s {
			return localName(contactElements[i].tag)
		}
	}
	return markNone
}

func slotOfMark(name string) (slot, bool) {
	for i := range contactElements {
		if localName(contactElements[i].tag) == name {
			return contactElements[i].slot, true
		}
	}
	switch name {
	case "Birthday":
		return slotBirthday, true
	case "Anniversary":
		return slotAnniversary, true
	}
	return 0, false
}
