package pushtest

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Limits of a request, "Send a POST request to APNs".
const (
	apnsMaxPayload     = 4096
	apnsMaxVoIPPayload = 5120
	apnsMaxCollapse    = 64
	// apnsMaxToken is no limit of Apple's, who asks not to assume any.
	apnsMaxToken = 200
)

// apnsRefusal is why a request is not taken; the zero value takes it.
type apnsRefusal struct {
	status int
	reason string
}

// apnsRequest is one request as it came in.
type apnsRequest struct {
	method, path, authorization string
	header                      map[string]string // apns-*
	duplicate                   bool              // a header came twice
	body                        []byte
}

// check looks at a request in the order: where to, from whom, what, for whom.
func (c *apnsConn) check(r *apnsRequest) (*apnsDevice, Delivery, apnsRefusal, time.Time) {
	none := time.Time{}
	if r.method != "POST" {
		return nil, Delivery{}, apnsRefusal{405, "MethodNotAllowed"}, none
	}
	token, ok := strings.CutPrefix(r.path, "/3/device/")
	if !ok {
		return nil, Delivery{}, apnsRefusal{404, "BadPath"}, none
	}
	topics, refusal := c.authorize(r.authorization)
	if refusal.status != 0 {
		return nil, Delivery{}, refusal, none
	}
	n := Delivery{
		Token: token, Topic: r.header["apns-topic"], ID: r.header["apns-id"], Collapse: r.header["apns-collapse-id"],
		PushType: r.header["apns-push-type"], Priority: r.header["apns-priority"], Expiration: r.header["apns-expiration"],
		Payload: r.body,
	}
	if n.Topic == "" && c.topic != "" {
		n.Topic = c.topic // "APNs uses the app's bundle ID as the default topic"
	}
	if reason := headerRefusal(r, &n, topics); reason != "" {
		return nil, n, apnsRefusal{400, reason}, none
	}
	if refusal := payloadRefusal(&n); refusal.status != 0 {
		return nil, n, refusal, none
	}
	n.At = c.service.now()
	d, refusal, gone := c.service.device(&n)
	return d, n, refusal, gone
}

func headerRefusal(r *apnsRequest, n *Delivery, topics []string) string {
	_, badID := hex.DecodeString(strings.ReplaceAll(n.ID, "-", ""))
	switch {
	case r.duplicate:
		return "DuplicateHeaders"
	case n.Token == "":
		return "MissingDeviceToken"
	case n.Topic == "":
		return "MissingTopic"
	case strings.Trim(n.Topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "":
		return "BadTopic"
	case !may(topics, n.Topic):
		return "TopicDisallowed"
	case n.ID != "" && (badID != nil || len(n.ID) != 36 || n.ID[8] != '-' || n.ID[13] != '-' || n.ID[18] != '-' || n.ID[23] != '-'):
		return "BadMessageId"
	case len(n.Collapse) > apnsMaxCollapse:
		return "BadCollapseId"
	case !oneOf(n.Priority, "", "1", "5", "10"):
		return "BadPriority"
	case !oneOf(n.PushType, "alert", "background", "voip", "complication", "fileprovider", "mdm", "location", "liveactivity", "pushtotalk", "widgets", "controls"):
		return "InvalidPushType"
	case n.PushType == "background" && n.Priority == "10":
		return "BadPriority" // "Always use priority 5. Using priority 10 is an error."
	}
	if n.Expiration != "" {
		if v, err := strconv.ParseInt(n.Expiration, 10, 64); err != nil || v < 0 {
			return "BadExpirationDate"
		}
	}
	return ""
}

func oneOf(s string, all ...string) bool {
	for _, a := range all {
		if s == a {
			return true
		}
	}
	return false
}

// payloadRefusal holds the payload to its size, to JSON and to its push type.
// What is no object, or none with anything in it, has no reason of its own in
// Apple's list; PayloadEmpty comes nearest.
func payloadRefusal(n *Delivery) apnsRefusal {
	limit := apnsMaxPayload
	if n.PushType == "voip" {
		limit = apnsMaxVoIPPayload
	}
	if len(n.Payload) > limit {
		return apnsRefusal{413, "PayloadTooLarge"}
	}
	var payload map[string]json.RawMessage
	if json.Unmarshal(n.Payload, &payload) != nil || len(payload) == 0 {
		return apnsRefusal{400, "PayloadEmpty"}
	}
	var aps map[string]json.RawMessage
	if raw, ok := payload["aps"]; ok && json.Unmarshal(raw, &aps) != nil {
		return apnsRefusal{400, "PayloadEmpty"}
	}
	_, mail := aps["account-id"] // Apple's own Mail reads what no other app gets
	shows := aps["alert"] != nil || aps["badge"] != nil || aps["sound"] != nil
	switch {
	case n.PushType == "alert" && !shows && !mail:
		return apnsRefusal{400, "InvalidPushType"} // "must accurately reflect the contents"
	case n.PushType == "background" && (shows || !mail && string(aps["content-available"]) != "1"):
		return apnsRefusal{400, "InvalidPushType"}
	}
	return apnsRefusal{}
}

// device finds whom a notification is for. Device tokens are compared as the
// bytes that they spell.
func (a *APNs) device(n *Delivery) (*apnsDevice, apnsRefusal, time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n.Token = strings.ToLower(n.Token)
	d := a.devices[n.Token]
	switch {
	case d == nil || len(n.Token) > apnsMaxToken:
		return nil, apnsRefusal{400, "BadDeviceToken"}, time.Time{}
	case !may([]string{d.topic}, n.Topic):
		return nil, apnsRefusal{400, "DeviceTokenNotForTopic"}, time.Time{}
	case !d.gone.IsZero():
		return nil, apnsRefusal{410, d.reason}, d.gone
	}
	return d, apnsRefusal{}, time.Time{}
}

// expired tells whether a notification that was stored is of no use any more.
func (n *Delivery) expired(now time.Time) bool {
	v, err := strconv.ParseInt(n.Expiration, 10, 64)
	return err == nil && now.Unix() > v
}
