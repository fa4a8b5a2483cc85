package activesync

import (
	"net/http"
	"strings"

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
