package eas

// The policy types (MS-ASPROV 2.2.2.43).
const (
	PolicyTypeWBXML = "MS-EAS-Provisioning-WBXML" // since 12.0
	PolicyTypeXML   = "MS-WAP-Provisioning-XML"   // 2.5
)

// Provision is the request of the Provision command (MS-ASCMD 2.2.1.14,
// MS-ASPROV 2.2.2.44). DeviceInformation may stand in it since 14.1.
type Provision struct {
	_                     struct{}              `wbxml:"Provision:Provision"`
	DeviceInformation     *DeviceInformationSet `wbxml:"Settings:DeviceInformation"`
	Policies              []PolicyRequest       `wbxml:"Provision:Policies>Policy"`
	RemoteWipe            *WipeReport           `wbxml:"Provision:RemoteWipe"`
	AccountOnlyRemoteWipe *WipeReport           `wbxml:"Provision:AccountOnlyRemoteWipe"`
	Strays                []PolicyRequest       `wbxml:"Provision:Policy"` // out of place: a Policy stands in Policies (MS-ASPROV_R308)
}

// PolicyRequest asks for a policy, or acknowledges it with PolicyKey and Status
// (MS-ASPROV 2.2.2.41).
type PolicyRequest struct {
	PolicyType string               `wbxml:"Provision:PolicyType"`
	PolicyKey  string               `wbxml:"Provision:PolicyKey,omitempty"`
	Status     PolicyAcknowledgment `wbxml:"Provision:Status,omitempty"`
}

// WipeReport tells how a wipe went (MS-ASPROV 2.2.2.45).
type WipeReport struct {
	Status WipeStatus `wbxml:"Provision:Status,omitempty"`
}

// ProvisionResponse is the response of the Provision command. Status must come
// before RemoteWipe, or iOS does not wipe.
type ProvisionResponse struct {
	_                     struct{}               `wbxml:"Provision:Provision"`
	DeviceInformation     *DeviceInformationDone `wbxml:"Settings:DeviceInformation"`
	Status                ProvisionStatus        `wbxml:"Provision:Status"`
	Policies              []Policy               `wbxml:"Provision:Policies>Policy"`
	RemoteWipe            bool                   `wbxml:"Provision:RemoteWipe,empty"`
	AccountOnlyRemoteWipe bool                   `wbxml:"Provision:AccountOnlyRemoteWipe,empty"` // 16.1
}

// Policy is a policy, or the answer to its acknowledgment (MS-ASPROV 2.2.2.41).
type Policy struct {
	PolicyType string       `wbxml:"Provision:PolicyType"`
	Status     PolicyStatus `wbxml:"Provision:Status"`
	PolicyKey  string       `wbxml:"Provision:PolicyKey,omitempty"`
	Data       *PolicyData  `wbxml:"Provision:Data"`
}

// PolicyData holds the settings: as Doc for PolicyTypeWBXML, as XML text for
// PolicyTypeXML (MS-ASPROV 2.2.2.24).
type PolicyData struct {
	XML string           `wbxml:",text"`
	Doc *EASProvisionDoc `wbxml:"Provision:EASProvisionDoc"`
}

// EASProvisionDoc are the settings a device must keep (MS-ASPROV 2.2.2.28). An
// absent setting leaves the device its own choice.
type EASProvisionDoc struct {
	DevicePasswordEnabled                    *bool    `wbxml:"Provision:DevicePasswordEnabled"`
	AlphanumericDevicePasswordRequired       *bool    `wbxml:"Provision:AlphanumericDevicePasswordRequired"`
	PasswordRecoveryEnabled                  *bool    `wbxml:"Provision:PasswordRecoveryEnabled"`
	RequireStorageCardEncryption             *bool    `wbxml:"Provision:RequireStorageCardEncryption"`
	AttachmentsEnabled                       *bool    `wbxml:"Provision:AttachmentsEnabled"`
	MinDevicePasswordLength                  *uint8   `wbxml:"Provision:MinDevicePasswordLength"`         // 1–16
	MaxInactivityTimeDeviceLock              *uint32  `wbxml:"Provision:MaxInactivityTimeDeviceLock"`     // seconds
	MaxDevicePasswordFailedAttempts          *uint8   `wbxml:"Provision:MaxDevicePasswordFailedAttempts"` // 4–16
	MaxAttachmentSize                        *string  `wbxml:"Provision:MaxAttachmentSize"`               // bytes; empty: no limit (MS-ASPROV 2.2.3.3)
	AllowSimpleDevicePassword                *bool    `wbxml:"Provision:AllowSimpleDevicePassword"`
	DevicePasswordExpiration                 *uint32  `wbxml:"Provision:DevicePasswordExpiration"` // days
	DevicePasswordHistory                    *uint32  `wbxml:"Provision:DevicePasswordHistory"`
	AllowStorageCard                         *bool    `wbxml:"Provision:AllowStorageCard"`
	AllowCamera                              *bool    `wbxml:"Provision:AllowCamera"`
	RequireDeviceEncryption                  *bool    `wbxml:"Provision:RequireDeviceEncryption"`
	AllowUnsignedApplications                *bool    `wbxml:"Provision:AllowUnsignedApplications"`
	AllowUnsignedInstallationPackages        *bool    `wbxml:"Provision:AllowUnsignedInstallationPackages"`
	MinDevicePasswordComplexCharacters       *uint8   `wbxml:"Provision:MinDevicePasswordComplexCharacters"` // 1–4
	AllowWiFi                                *bool    `wbxml:"Provision:AllowWiFi"`
	AllowTextMessaging                       *bool    `wbxml:"Provision:AllowTextMessaging"`
	AllowPOPIMAPEmail                        *bool    `wbxml:"Provision:AllowPOPIMAPEmail"`
	AllowBluetooth                           *uint8   `wbxml:"Provision:AllowBluetooth"` // 0 no, 1 hands-free, 2 yes
	AllowIrDA                                *bool    `wbxml:"Provision:AllowIrDA"`
	RequireManualSyncWhenRoaming             *bool    `wbxml:"Provision:RequireManualSyncWhenRoaming"`
	AllowDesktopSync                         *bool    `wbxml:"Provision:AllowDesktopSync"`
	MaxCalendarAgeFilter                     *uint32  `wbxml:"Provision:MaxCalendarAgeFilter"` // a FilterType
	AllowHTMLEmail                           *bool    `wbxml:"Provision:AllowHTMLEmail"`
	MaxEmailAgeFilter                        *uint32  `wbxml:"Provision:MaxEmailAgeFilter"`              // a FilterType
	MaxEmailBodyTruncationSize               *int32   `wbxml:"Provision:MaxEmailBodyTruncationSize"`     // KB, -1 none
	MaxEmailHTMLBodyTruncationSize           *int32   `wbxml:"Provision:MaxEmailHTMLBodyTruncationSize"` // KB, -1 none
	RequireSignedSMIMEMessages               *bool    `wbxml:"Provision:RequireSignedSMIMEMessages"`
	RequireEncryptedSMIMEMessages            *bool    `wbxml:"Provision:RequireEncryptedSMIMEMessages"`
	RequireSignedSMIMEAlgorithm              *int32   `wbxml:"Provision:RequireSignedSMIMEAlgorithm"`
	RequireEncryptionSMIMEAlgorithm          *int32   `wbxml:"Provision:RequireEncryptionSMIMEAlgorithm"`
	AllowSMIMEEncryptionAlgorithmNegotiation *int32   `wbxml:"Provision:AllowSMIMEEncryptionAlgorithmNegotiation"`
	AllowSMIMESoftCerts                      *bool    `wbxml:"Provision:AllowSMIMESoftCerts"`
	AllowBrowser                             *bool    `wbxml:"Provision:AllowBrowser"`
	AllowConsumerEmail                       *bool    `wbxml:"Provision:AllowConsumerEmail"`
	AllowRemoteDesktop                       *bool    `wbxml:"Provision:AllowRemoteDesktop"`
	AllowInternetSharing                     *bool    `wbxml:"Provision:AllowInternetSharing"`
	UnapprovedInROMApplicationList           []string `wbxml:"Provision:UnapprovedInROMApplicationList>ApplicationName"`
	ApprovedApplicationList                  []string `wbxml:"Provision:ApprovedApplicationList>Hash"`
}
