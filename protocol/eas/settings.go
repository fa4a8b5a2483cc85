package eas

import (
	"time"

	"martlet/protocol/wbxml"
)

// Settings is the request of the Settings command (MS-ASCMD 2.2.1.18). The
// properties are processed and answered in their order (MS-ASCMD_R480).
type Settings struct {
	_          struct{}           `wbxml:"Settings:Settings"`
	Properties []SettingsProperty `wbxml:",choice"`
}

// SettingsProperty reads or writes one property; exactly one field is set.
type SettingsProperty struct {
	RightsManagementInformation *GetEmpty             `wbxml:"Settings:RightsManagementInformation"`
	Oof                         *Oof                  `wbxml:"Settings:Oof"`
	DevicePassword              *DevicePassword       `wbxml:"Settings:DevicePassword"`
	DeviceInformation           *DeviceInformationSet `wbxml:"Settings:DeviceInformation"`
	UserInformation             *GetEmpty             `wbxml:"Settings:UserInformation"`
}

// GetEmpty asks for a property that has no parameters.
type GetEmpty struct {
	Get *wbxml.Empty `wbxml:"Settings:Get"`
}

// The states of the out-of-office answer (MS-ASCMD 2.2.3.118).
const (
	OofDisabled uint8 = 0
	OofGlobal   uint8 = 1
	OofTimed    uint8 = 2
)

// Oof reads or writes the out-of-office answer (MS-ASCMD 2.2.3.116); exactly
// one field is set.
type Oof struct {
	Get *OofGet   `wbxml:"Settings:Get"`
	Set *OofState `wbxml:"Settings:Set"`
}

// OofGet asks for the answer's text in a format, "Text" or "HTML" (MS-ASCMD
// 2.2.3.18).
type OofGet struct {
	BodyType string `wbxml:"Settings:BodyType,omitempty"`
}

// OofState is the whole out-of-office answer.
type OofState struct {
	State     *uint8       `wbxml:"Settings:OofState"`
	StartTime time.Time    `wbxml:"Settings:StartTime,omitempty"`
	EndTime   time.Time    `wbxml:"Settings:EndTime,omitempty"`
	Messages  []OofMessage `wbxml:"Settings:OofMessage"`
}

// OofMessage is the answer for one audience (MS-ASCMD 2.2.3.117); exactly one
// of the first three is true.
type OofMessage struct {
	AppliesToInternal        bool    `wbxml:"Settings:AppliesToInternal,empty"`
	AppliesToExternalKnown   bool    `wbxml:"Settings:AppliesToExternalKnown,empty"`
	AppliesToExternalUnknown bool    `wbxml:"Settings:AppliesToExternalUnknown,empty"`
	Enabled                  string  `wbxml:"Settings:Enabled,omitempty"`
	ReplyMessage             *string `wbxml:"Settings:ReplyMessage"`
	BodyType                 string  `wbxml:"Settings:BodyType,omitempty"`
}

// DevicePassword stores the device's recovery password (MS-ASCMD 2.2.3.46).
type DevicePassword struct {
	Set *DevicePasswordSet `wbxml:"Settings:Set"`
}

// DevicePasswordSet holds the recovery password; empty removes it.
type DevicePasswordSet struct {
	Password string `wbxml:"Settings:Password,required"`
}

// DeviceInformationSet tells about the device (MS-ASCMD 2.2.3.45).
type DeviceInformationSet struct {
	Set *DeviceInformation `wbxml:"Settings:Set"`
}

// DeviceInformation describes the device; what is nil is not known.
type DeviceInformation struct {
	Model             *string `wbxml:"Settings:Model"`
	IMEI              *string `wbxml:"Settings:IMEI"`
	FriendlyName      *string `wbxml:"Settings:FriendlyName"`
	OS                *string `wbxml:"Settings:OS"`
	OSLanguage        *string `wbxml:"Settings:OSLanguage"`
	PhoneNumber       *string `wbxml:"Settings:PhoneNumber"`
	UserAgent         *string `wbxml:"Settings:UserAgent"`
	EnableOutboundSMS *uint8  `wbxml:"Settings:EnableOutboundSMS"`
	MobileOperator    *string `wbxml:"Settings:MobileOperator"`
}

// SettingsResponse is the response of the Settings command, with the properties
// in the order of the request.
type SettingsResponse struct {
	_          struct{}         `wbxml:"Settings:Settings"`
	Status     SettingsStatus   `wbxml:"Settings:Status"`
	Properties []SettingsResult `wbxml:",choice"`
}

// SettingsResult answers one property; exactly one field is set.
type SettingsResult struct {
	RightsManagementInformation *RightsManagementResult `wbxml:"Settings:RightsManagementInformation"`
	Oof                         *OofResult              `wbxml:"Settings:Oof"`
	DevicePassword              *DevicePasswordDone     `wbxml:"Settings:DevicePassword"`
	DeviceInformation           *DeviceInformationDone  `wbxml:"Settings:DeviceInformation"`
	UserInformation             *UserInformationResult  `wbxml:"Settings:UserInformation"`
}

// OofResult answers Oof; Get only to a Get.
type OofResult struct {
	Status SettingsStatus `wbxml:"Settings:Status"`
	Get    *OofState      `wbxml:"Settings:Get"`
}

// DevicePasswordDone answers DevicePassword.
type DevicePasswordDone struct {
	Status SettingsStatus `wbxml:"Settings:Status"`
}

// DeviceInformationDone answers DeviceInformation.
type DeviceInformationDone struct {
	Status SettingsStatus `wbxml:"Settings:Status"`
}

// UserInformationResult answers UserInformation (MS-ASCMD 2.2.3.193).
type UserInformationResult struct {
	Status SettingsStatus   `wbxml:"Settings:Status"`
	Get    *UserInformation `wbxml:"Settings:Get"`
}

// UserInformation are the user's addresses: up to 14.0 EmailAddresses, since
// 14.1 Accounts.
type UserInformation struct {
	EmailAddresses *EmailAddresses `wbxml:"Settings:EmailAddresses"`
	Accounts       []Account       `wbxml:"Settings:Accounts>Account"`
}

// EmailAddresses are the addresses of an account (MS-ASCMD 2.2.3.54).
type EmailAddresses struct {
	SMTPAddresses      []string `wbxml:"Settings:SMTPAddress"`
	PrimarySMTPAddress string   `wbxml:"Settings:PrimarySmtpAddress,omitempty"` // since 14.1
}

// Account is one of the user's accounts (MS-ASCMD 2.2.3.2).
type Account struct {
	AccountID       string          `wbxml:"Settings:AccountId,omitempty"`
	AccountName     string          `wbxml:"Settings:AccountName,omitempty"`
	UserDisplayName string          `wbxml:"Settings:UserDisplayName,omitempty"`
	SendDisabled    *bool           `wbxml:"Settings:SendDisabled"`
	EmailAddresses  *EmailAddresses `wbxml:"Settings:EmailAddresses"`
}

// RightsManagementResult answers RightsManagementInformation (MS-ASRM 2.2.2.17).
type RightsManagementResult struct {
	Status SettingsStatus       `wbxml:"Settings:Status"`
	Get    *RightsManagementGet `wbxml:"Settings:Get"`
}

// RightsManagementGet lists the templates the user may use.
type RightsManagementGet struct {
	Templates []RightsManagementTemplate `wbxml:"RightsManagement:RightsManagementTemplates>RightsManagementTemplate"`
}

// RightsManagementTemplate is one template (MS-ASRM 2.2.2.18).
type RightsManagementTemplate struct {
	ID          string `wbxml:"RightsManagement:TemplateID"`
	Name        string `wbxml:"RightsManagement:TemplateName"`
	Description string `wbxml:"RightsManagement:TemplateDescription"`
}
