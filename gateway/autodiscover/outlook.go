package autodiscover

import (
	"net/http"
	"strconv"

	"martlet/directory"
)

// MailServer is a way to mail that is not ActiveSync, as Outlook's own schema
// names it (MS-OXDSCLI 2.2.4.1.1.2.6).
type MailServer struct {
	Type string // "SMTP", "IMAP" or "POP3"
	Host string
	Port int
	// Encryption is "SSL" from the start of the connection or "TLS" by a command.
	Encryption string
}

// The schema in which Outlook asks when it does not look for ActiveSync.
const (
	schemaOutlook    = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
	codeNotThat      = 500 // MS-OXDSCLI 2.2.4.1.2: the address cannot be found
	endpointRedirect = endpointVersion1
)

// outlook answers in Outlook's own schema with what there is. MAPI and EWS are
// not, so there is no section for an Exchange mailbox.
func (h *Handler) outlook(w http.ResponseWriter, a directory.Account) {
	b := start(schemaOutlook)
	b = append(b, "<User>"...)
	name := a.Name
	if name == "" {
		name = a.Login
	}
	b = element(b, "DisplayName", name)
	b = element(b, "AutoDiscoverSMTPAddress", a.Login)
	b = append(b, "</User><Account>"...)
	b = element(b, "AccountType", "email")
	if a.Server != "" {
		b = element(b, "Action", "redirectUrl")
		b = element(b, "RedirectUrl", a.Server+endpointRedirect)
	} else {
		b = element(b, "Action", "settings")
		for _, m := range h.mail {
			b = m.append(b, a.Login)
		}
	}
	b = append(b, "</Account></Response></Autodiscover>"...)
	write(w, http.StatusOK, contentType, b)
}

// append writes one Protocol (MS-OXDSCLI 2.2.4.1.1.2.6).
func (m *MailServer) append(b []byte, login string) []byte {
	b = append(b, "<Protocol>"...)
	b = element(b, "Type", m.Type)
	b = element(b, "Server", m.Host)
	b = element(b, "Port", strconv.Itoa(m.Port))
	b = element(b, "LoginName", login)
	b = element(b, "DomainRequired", "off")
	b = element(b, "SPA", "off")
	b = element(b, "SSL", "on")
	b = element(b, "Encryption", m.Encryption)
	b = element(b, "AuthRequired", "on")
	if m.Type == "SMTP" {
		b = element(b, "UsePOPAuth", "on")
		b = element(b, "SMTPLast", "off")
	}
	return append(b, "</Protocol>"...)
}

// outlookError answers that the address is not the account's.
func (h *Handler) outlookError(w http.ResponseWriter) {
	h.frameworkError(w, codeNotThat, notThatMailbox)
}
