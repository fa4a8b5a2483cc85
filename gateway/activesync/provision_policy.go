package activesync

import (
	"crypto/rand"
	"encoding/binary"

	"martlet/protocol/eas"
)

// defaultPolicy asks nothing of a device and allows everything, as the default
// of Exchange does: administrators make their own. All settings of the version
// are named, since a client keeps what an older policy said of one that is
// absent (MS-ASPROV_R652).
func (r *Rules) defaultPolicy(v eas.Version) *eas.EASProvisionDoc {
	yes, no := true, false
	recovery := r.PasswordRecovery
	var shortest, failures uint8 = 1, 8
	var never, history, expiration, filter uint32 = 9999, 0, 0, 0
	var unlimited, algorithm, negotiation int32 = -1, 0, 2
	var bluetooth, classes uint8 = 2, 1
	var noLimit string // an empty tag takes back what an older policy said (MS-ASPROV_R1044)
	d := &eas.EASProvisionDoc{
		DevicePasswordEnabled:              &no,
		AlphanumericDevicePasswordRequired: &no,
		PasswordRecoveryEnabled:            &recovery,
		AttachmentsEnabled:                 &yes,
		MinDevicePasswordLength:            &shortest,
		MaxInactivityTimeDeviceLock:        &never,
		MaxDevicePasswordFailedAttempts:    &failures,
		MaxAttachmentSize:                  &noLimit,
		AllowSimpleDevicePassword:          &yes,
		DevicePasswordExpiration:           &expiration,
		DevicePasswordHistory:              &history,
	}
	if v < eas.V121 {
		return d
	}
	d.RequireStorageCardEncryption = &no
	d.AllowStorageCard, d.AllowCamera, d.RequireDeviceEncryption = &yes, &yes, &no
	d.AllowUnsignedApplications, d.AllowUnsignedInstallationPackages = &yes, &yes
	d.MinDevicePasswordComplexCharacters = &classes
	d.AllowWiFi, d.AllowTextMessaging, d.AllowPOPIMAPEmail, d.AllowBluetooth, d.AllowIrDA = &yes, &yes, &yes, &bluetooth, &yes
	d.RequireManualSyncWhenRoaming, d.AllowDesktopSync = &no, &yes
	d.MaxCalendarAgeFilter, d.MaxEmailAgeFilter = &filter, &filter
	d.AllowHTMLEmail, d.MaxEmailBodyTruncationSize, d.MaxEmailHTMLBodyTruncationSize = &yes, &unlimited, &unlimited
	d.RequireSignedSMIMEMessages, d.RequireEncryptedSMIMEMessages = &no, &no
	d.RequireSignedSMIMEAlgorithm, d.RequireEncryptionSMIMEAlgorithm = &algorithm, &algorithm
	d.AllowSMIMEEncryptionAlgorithmNegotiation, d.AllowSMIMESoftCerts = &negotiation, &yes
	d.AllowBrowser, d.AllowConsumerEmail, d.AllowRemoteDesktop, d.AllowInternetSharing = &yes, &yes, &yes, &yes
	d.UnapprovedInROMApplicationList, d.ApprovedApplicationList = []string{}, []string{}
	return d
}

// defaultPolicyXML is the same for version 2.5, in the form of Windows Mobile
// (MS-ASPROV 2.2.2.24.2). 4131 turns the password off.
const defaultPolicyXML = `<wap-provisioningdoc><characteristic type="SecurityPolicy"><parm name="4131" value="1"/></characteristic></wap-provisioningdoc>`

// policyData is the default policy in the form that the version wants.
func (r *Rules) policyData(v eas.Version) *eas.PolicyData {
	if v < eas.V120 {
		return &eas.PolicyData{XML: defaultPolicyXML}
	}
	return &eas.PolicyData{Doc: r.defaultPolicy(v)}
}

// policyType is the form of policy that a version knows (MS-ASPROV_R971).
func policyType(v eas.Version) string {
	if v < eas.V120 {
		return eas.PolicyTypeXML
	}
	return eas.PolicyTypeWBXML
}

// newPolicyKey is a key that is neither zero, which stands for none and which
// iOS does not like in an answer, nor the other one.
func newPolicyKey(other uint32) uint32 {
	for {
		var b [4]byte
		_, _ = rand.Read(b[:]) // never fails
		if k := binary.BigEndian.Uint32(b[:]); k != 0 && k != other && k != ^uint32(0) {
			return k
		}
	}
}
