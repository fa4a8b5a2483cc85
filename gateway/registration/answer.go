package registration

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"martlet/mail"
	"martlet/mail/announce"
	"martlet/push"
)

func isError(err, target error) bool { return errors.Is(err, target) }

// registration is what an answer says of one: everything but where the app is
// reached and its keys.
type registration struct {
	ID           string      `json:"id"`
	Kind         string      `json:"kind"`
	App          string      `json:"app"`
	Device       string      `json:"device,omitempty"`
	TokenHash    string      `json:"token_hash,omitempty"`
	Environment  string      `json:"environment,omitempty"`
	EndpointHost string      `json:"endpoint_host,omitempty"`
	EndpointHash string      `json:"endpoint_hash,omitempty"`
	Account      string      `json:"account,omitempty"`
	Mode         string      `json:"mode"`
	Seal         *sealed     `json:"seal,omitempty"`
	Detail       string      `json:"detail"`
	Folders      []string    `json:"folders"`
	VIP          *vip        `json:"vip,omitempty"`
	QuietHours   *quietHours `json:"quiet_hours,omitempty"`
	Expires      *time.Time  `json:"expires,omitempty"`
	Created      time.Time   `json:"created"`
	Changed      time.Time   `json:"changed"`
	Registered   time.Time   `json:"registered"`
	Lost         string      `json:"lost,omitempty"`
	LostAt       *time.Time  `json:"lost_at,omitempty"`
}

type sealed struct {
	Suite string `json:"suite"`
}

type vip struct {
	Senders []string `json:"senders,omitempty"`
	Only    bool     `json:"only,omitempty"`
}

type quietHours struct {
	From     string   `json:"from"`
	Until    string   `json:"until"`
	TimeZone string   `json:"time_zone"`
	Days     []string `json:"days,omitempty"`
}

// shortHash tells a secret from others, and nothing more.
func shortHash(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:8])
}

func (h *Handler) shown(r *announce.Registration, there []mail.Folder) registration {
	out := registration{
		ID: formatID(r.ID), Kind: r.Kind.String(), App: r.App, Device: r.Device, TokenHash: shortHash(r.Token), Account: r.Name,
		Mode: r.Mode.String(), Detail: r.Detail.String(), Folders: folderNames(r, there),
		Expires: moment(r.Expires), Created: r.Created, Changed: r.Updated, Registered: r.LastSeen, Lost: r.Lost, LostAt: moment(r.LostAt),
		EndpointHash: shortHash(r.Endpoint),
	}
	if r.Kind == push.APNs {
		out.Environment = "production"
		if r.Sandbox {
			out.Environment = "sandbox"
		}
	}
	if u, err := url.Parse(r.Endpoint); err == nil {
		out.EndpointHost = u.Host
	}
	if len(r.SealKey) > 0 {
		out.Seal = &sealed{Suite: h.c.SealSuite}
	}
	if len(r.VIPs) > 0 {
		out.VIP = &vip{r.VIPs, r.OnlyVIP}
	}
	if r.Quiet != (announce.Quiet{}) {
		out.QuietHours = &quietHours{From: clock(r.Quiet.Start), Until: clock(r.Quiet.End), TimeZone: r.Quiet.Zone}
		for day, name := range weekdays() {
			if r.Quiet.Days != 0 && r.Quiet.Days.Has(time.Weekday(day)) {
				out.QuietHours.Days = append(out.QuietHours.Days, name)
			}
		}
	}
	return out
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// tree is the document that would make the registration as it is, for patches.
// It holds what answers leave out, and stays in this process.
func (h *Handler) tree(r *announce.Registration, there []mail.Folder) (map[string]any, error) {
	shown := h.shown(r, there)
	b, err := json.Marshal(shown)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(b, &tree); err != nil {
		return nil, err
	}
	for _, name := range []string{"id", "token_hash", "endpoint_host", "endpoint_hash", "created", "changed", "registered", "lost", "lost_at"} {
		delete(tree, name)
	}
	if r.Kind == push.WebPush {
		tree["endpoint"] = r.Endpoint
		tree["keys"] = map[string]any{"p256dh": encode(r.PublicKey), "auth": encode(r.Auth)}
	} else {
		tree["token"] = r.Token
	}
	if len(r.SealKey) > 0 {
		tree["seal"] = map[string]any{"public_key": encode(r.SealKey)}
	}
	return tree, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// etag changes with the registration, and not when the app merely registers
// again as it was.
func (h *Handler) etag(r *announce.Registration, there []mail.Folder) (string, error) {
	shown := h.shown(r, there)
	shown.Changed, shown.Registered = time.Time{}, time.Time{}
	b, err := json.Marshal(shown)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(b)
	for _, secret := range [][]byte{r.PublicKey, r.Auth, r.SealKey} {
		sum.Write(secret)
	}
	return strconv.Quote(hex.EncodeToString(sum.Sum(nil)[:12])), nil
}

// formatID is a registration's number as the API writes it.
func formatID(id uint64) string { return "r" + strconv.FormatUint(id, 10) }

// parseID reads the one spelling that formatID writes.
func parseID(s string) (uint64, bool) {
	if len(s) < 2 || s[0] != 'r' {
		return 0, false
	}
	id, err := strconv.ParseUint(s[1:], 10, 64)
	return id, err == nil && formatID(id) == s
}
