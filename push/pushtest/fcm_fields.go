package pushtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// fcmField is what a field of a request may hold, in the JSON of Protocol Buffers.
type fcmField struct {
	kind   fcmKind
	fields map[string]fcmField // of an object
	words  []string            // of an enumeration
}

type fcmKind uint8

const (
	fcmText fcmKind = iota + 1
	fcmFlag
	fcmNumber
	fcmSpan     // a duration: "3.5s"
	fcmPairs    // strings by strings
	fcmList     // of strings
	fcmWord     // one of fcmField.words
	fcmObject   // with fcmField.fields
	fcmAnything // what concerns other platforms
)

// The fields of a request, by the names that Protocol Buffers give them; JSON
// may write them in camel case.
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
var (
	fcmOptions = fcmField{kind: fcmObject, fields: map[string]fcmField{"analytics_label": {kind: fcmText}}}

	fcmAndroidNotification = fcmField{kind: fcmObject, fields: map[string]fcmField{
		"title": {kind: fcmText}, "body": {kind: fcmText}, "icon": {kind: fcmText}, "color": {kind: fcmText}, "sound": {kind: fcmText},
		"tag": {kind: fcmText}, "click_action": {kind: fcmText}, "channel_id": {kind: fcmText}, "ticker": {kind: fcmText}, "image": {kind: fcmText},
		"title_loc_key": {kind: fcmText}, "title_loc_args": {kind: fcmList}, "body_loc_key": {kind: fcmText}, "body_loc_args": {kind: fcmList},
		"sticky": {kind: fcmFlag}, "local_only": {kind: fcmFlag}, "default_sound": {kind: fcmFlag}, "default_vibrate_timings": {kind: fcmFlag},
		"default_light_settings": {kind: fcmFlag}, "bypass_proxy_notification": {kind: fcmFlag}, "event_time": {kind: fcmText},
		"vibrate_timings": {kind: fcmList}, "notification_count": {kind: fcmNumber}, "light_settings": {kind: fcmAnything},
		"notification_priority": {kind: fcmWord, words: []string{"PRIORITY_UNSPECIFIED", "PRIORITY_MIN", "PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"}},
		"visibility":            {kind: fcmWord, words: []string{"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"}},
		"proxy":                 {kind: fcmWord, words: []string{"PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"}},
	}}

	fcmAndroid = fcmField{kind: fcmObject, fields: map[string]fcmField{
		"collapse_key": {kind: fcmText}, "ttl": {kind: fcmSpan}, "restricted_package_name": {kind: fcmText}, "data": {kind: fcmPairs},
		"priority":     {kind: fcmWord, words: []string{"NORMAL", "HIGH"}},
		"notification": fcmAndroidNotification, "fcm_options": fcmOptions, "direct_boot_ok": {kind: fcmFlag},
		"bandwidth_constrained_ok": {kind: fcmFlag}, "restricted_satellite_ok": {kind: fcmFlag},
	}}

	fcmRequest = fcmField{kind: fcmObject, fields: map[string]fcmField{
		"validate_only": {kind: fcmFlag},
		"message": {kind: fcmObject, fields: map[string]fcmField{
			"name": {kind: fcmText}, "data": {kind: fcmPairs}, "android": fcmAndroid, "fcm_options": fcmOptions,
			"notification": {kind: fcmObject, fields: map[string]fcmField{"title": {kind: fcmText}, "body": {kind: fcmText}, "image": {kind: fcmText}}},
			"webpush":      {kind: fcmAnything}, "apns": {kind: fcmAnything},
			"token": {kind: fcmText}, "topic": {kind: fcmText}, "condition": {kind: fcmText},
		}},
	}}
)

// fcmCheckFields holds an object to its form and renames its fields to their names
// in Protocol Buffers.
func fcmCheckFields(path string, got map[string]any, want fcmField) *fcmRefusal {
	for _, key := range slices.Sorted(maps.Keys(got)) {
		value, name := got[key], fcmSnakeCase(key)
		field, ok := want.fields[name]
		if !ok {
			text := fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot find field.", key)
			if path != "" {
				text = fmt.Sprintf("Invalid JSON payload received. Unknown name %q at '%s': Cannot find field.", key, path)
			}
			return fcmMalformed(path, text)
		}
		if name != key {
			delete(got, key)
			got[name] = value
		}
		if value == nil { // the same as an absent field
			delete(got, name)
			continue
		}
		if refused := fcmCheckValue(strings.TrimPrefix(path+"."+name, "."), value, field); refused != nil {
			return refused
		}
	}
	return nil
}

func fcmCheckValue(path string, value any, want fcmField) *fcmRefusal {
	switch want.kind {
	case fcmText:
		if _, ok := value.(string); !ok {
			return fcmMisfit(path, "TYPE_STRING", value)
		}
	case fcmFlag:
		if _, ok := value.(bool); !ok {
			return fcmMisfit(path, "TYPE_BOOL", value)
		}
	case fcmNumber:
		n, _ := value.(json.Number)
		if _, err := strconv.ParseInt(string(n), 10, 32); err != nil {
			return fcmMisfit(path, "TYPE_INT32", value)
		}
	case fcmSpan:
		s, _ := value.(string)
		if _, ok := fcmDuration(s); !ok {
			return fcmMisfit(path, "type.googleapis.com/google.protobuf.Duration", value)
		}
	case fcmWord:
		s, _ := value.(string)
		if !slices.ContainsFunc(want.words, func(w string) bool { return strings.EqualFold(w, s) }) {
			return fcmMisfit(path, "TYPE_ENUM", value)
		}
	case fcmList:
		items, ok := value.([]any)
		if !ok {
			return fcmMisfit(path, "TYPE_STRING", value)
		}
		for i, item := range items {
			if refused := fcmCheckValue(fmt.Sprintf("%s[%d]", path, i), item, fcmField{kind: fcmText}); refused != nil {
				return refused
			}
		}
	case fcmPairs, fcmObject:
		m, ok := value.(map[string]any)
		if !ok {
			return fcmMisfit(path, "TYPE_MESSAGE", value)
		}
		if want.kind == fcmObject {
			return fcmCheckFields(path, m, want)
		}
		for i, k := range slices.Sorted(maps.Keys(m)) {
			if _, ok := m[k].(string); !ok {
				return fcmMisfit(fmt.Sprintf("%s[%d].value", path, i), "TYPE_STRING", m[k])
			}
		}
	}
	return nil
}

func fcmMisfit(path, wanted string, value any) *fcmRefusal {
	shown, _ := json.Marshal(value)
	return fcmMalformed(path, fmt.Sprintf("Invalid value at '%s' (%s), %s", path, wanted, shown))
}

// fcmMalformed refuses what does not fit the form; such answers come from in front
// of the service and have no code of its own.
func fcmMalformed(path, text string) *fcmRefusal {
	return &fcmRefusal{400, "INVALID_ARGUMENT", text, []fcmDetail{fcmViolation(path, text)}}
}

// fcmDurationForm is the JSON of google.protobuf.Duration.
var fcmDurationForm = regexp.MustCompile(`^-?[0-9]{1,12}(\.[0-9]{1,9})?s$`)

func fcmDuration(s string) (time.Duration, bool) {
	if !fcmDurationForm.MatchString(s) {
		return 0, false
	}
	seconds, err := strconv.ParseFloat(strings.TrimSuffix(s, "s"), 64)
	const most = 292 * 365 * 24 * 3600 // what a time.Duration holds
	if err != nil || seconds > most || seconds < -most {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

func fcmSnakeCase(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
