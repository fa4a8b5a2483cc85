package activesync

import (
	"net/http"
	"strings"

	"martlet/directory"
	"martlet/protocol/eas"
)

// serverVersion is what clients take for the version of Exchange: that of 2019,
// whose behaviour we follow.
const serverVersion = "15.2"

// versionList is the value of MS-ASProtocolVersions.
func versionList() string {
	var all []string
	for _, v := range eas.Versions() {
		all = append(all, v.String())
	}
	return strings.Join(all, ",")
}

// elsewhere is the HTTP status of a request for a mailbox that another server
// has (MS-ASHTTP 2.2.2.1.1).
const elsewhere = 451

// endpoint is where a server is spoken to.
const endpoint = "/Microsoft-Server-ActiveSync"

// redirect sends a phone to the server that has its mailbox (MS-ASHTTP_R183,
// R285).
func (h *Handler) redirect(w http.ResponseWriter, a directory.Account) {
	h.log.Info("sent to another server", "login", a.Login, "account", uint64(a.ID), "server", a.Server)
	hd := w.Header()
	hd["MS-Server-ActiveSync"] = []string{serverVersion}
	hd["X-MS-Location"] = []string{a.Server + endpoint}
	hd["Cache-Control"] = []string{"private"}
	h.writeStatus(w, elsewhere)
}

// options tells what we speak (MS-ASHTTP 2.2.4).
func (h *Handler) options(w http.ResponseWriter) {
	hd := w.Header()
	hd["MS-Server-ActiveSync"] = []string{serverVersion}
	hd["MS-ASProtocolVersions"] = []string{h.versions}
	hd["MS-ASProtocolCommands"] = []string{h.names}
	hd.Set("Allow", "OPTIONS, POST")
	hd.Set("Public", "OPTIONS, POST")
	hd.Set("Cache-Control", "private")
	h.writeStatus(w, http.StatusOK)
}
