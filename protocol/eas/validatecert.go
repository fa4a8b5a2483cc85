package eas

// ValidateCert is the request of the ValidateCert command (MS-ASCMD 2.2.1.22).
// Certificates are DER in base64.
type ValidateCert struct {
	_                struct{} `wbxml:"ValidateCert:ValidateCert"`
	CertificateChain []string `wbxml:"ValidateCert:CertificateChain>Certificate"`
	Certificates     []string `wbxml:"ValidateCert:Certificates>Certificate"`
	CheckCRL         *bool    `wbxml:"ValidateCert:CheckCRL"`
}

// ValidateCertResponse is the response of the ValidateCert command.
type ValidateCertResponse struct {
	_            struct{}           `wbxml:"ValidateCert:ValidateCert"`
	Status       ValidateCertStatus `wbxml:"ValidateCert:Status"`
	Certificates []ValidatedCert    `wbxml:"ValidateCert:Certificate"`
}

// ValidatedCert is the outcome for one certificate.
type ValidatedCert struct {
	Statuses []ValidateCertStatus `wbxml:"ValidateCert:Status"`
}
