// Package webpush wakes devices through Web Push (RFC 8030): the push services
// of the browsers, and whatever server a UnifiedPush user has chosen. Messages
// are encrypted to the device (RFC 8188 aes128gcm, RFC 8291) and signed for the
// service (RFC 8292, VAPID).
//
// An endpoint is a URL that a user gave us, so it is hostile: nothing here may
// reach a private network, follow a redirect that is not guarded alike, go
// through a proxy, read an answer without bounds, or repeat what a service says
// in other words than those it is known to use.
//
// # What an app gets
//
// The decrypted message is a JSON object. An app passes over names that it does
// not know; what is not set is not there.
//
//	{
//	  "version": 1,
//	  "mode": "alert",        silent, badge, alert, sealed, withdrawn
//	  "id": "0190…",          the same when it is sent again
//	  "account": "work",      as the app registered it
//	  "message": "…",         what it tells of, for the app to open; opaque
//	  "thread": "…",          groups what is shown; opaque
//	  "tag": "…",             takes the place of what was shown with the same;
//	                          withdrawn: that is no news any more
//	  "unread": 3,            the badge; absent: leave it
//	  "sender": "…",          of alert, with subject and preview
//	  "subject": "…",
//	  "preview": "…",
//	  "envelope": "…"         of sealed: base64url without padding, see package seal;
//	                          account, message, thread and unread are in it
//	}
//
// A silent message to a device that registered no keys has an empty body.
package webpush
