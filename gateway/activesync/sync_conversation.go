package activesync

import (
	"martlet/protocol/eas"
	"martlet/sync/class"
)

// withoutBody is how a message is shown that comes only for its conversation's
// sake: with its preview, if that was asked for, and without the body
// (MS-ASCMD_R2108).
func withoutBody(opt *class.Options) *class.Options {
	short, none := *opt, uint32(0)
	short.BodyPreferences = append([]eas.BodyPreference(nil), opt.BodyPreferences...)
	if len(short.BodyPreferences) == 0 {
		plain := uint(eas.BodyPlain)
		short.BodyPreferences = []eas.BodyPreference{{Type: &plain}}
	}
	for i := range short.BodyPreferences {
		short.BodyPreferences[i].TruncationSize, short.BodyPreferences[i].AllOrNone = &none, nil
	}
	return &short
}
