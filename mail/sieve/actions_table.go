package sieve

// commands are all there are besides require and if, with what they take.
func commands() map[string]command {
	flags := tag{value: tokenString, list: true, needs: "imap4flags"}
	variable := slot{tokenString, true, "name of a variable"}
	flagList := slot{tokenString, true, "flag"}
	return map[string]command{
		"stop":    {"", signature{}, func(*arguments) (statement, error) { return func(*machine) error { return errStop }, nil }},
		"keep":    {"", signature{tags: map[string]tag{"flags": flags}}, keep},
		"discard": {"", signature{}, discard},
		"fileinto": {"fileinto", signature{slots: []slot{{tokenString, false, "mailbox"}}, tags: map[string]tag{
			"flags": flags, "copy": {needs: "copy"}, "create": {needs: "mailbox"}, "specialuse": {value: tokenString, needs: "special-use"}}}, fileInto},
		"redirect": {"", signature{slots: []slot{{tokenString, false, "address"}}, tags: map[string]tag{"copy": {needs: "copy"}}}, redirect},
		"reject":   {"reject", signature{slots: []slot{{tokenString, false, "reason"}}}, reject(false)},
		"ereject":  {"ereject", signature{slots: []slot{{tokenString, false, "reason"}}}, reject(true)},
		"vacation": {"vacation", signature{slots: []slot{{tokenString, false, "text"}}, tags: map[string]tag{
			"days": {value: tokenNumber}, "seconds": {value: tokenNumber, needs: "vacation-seconds"}, "subject": {value: tokenString},
			"from": {value: tokenString}, "addresses": {value: tokenString, list: true}, "mime": {}, "handle": {value: tokenString}}}, vacation},
		"notify": {"enotify", signature{slots: []slot{{tokenString, false, "method"}}, tags: map[string]tag{
			"from": {value: tokenString}, "importance": {value: tokenString}, "options": {value: tokenString, list: true},
			"message": {value: tokenString}}}, notify},

		"set": {"variables", signature{slots: []slot{{tokenString, false, "name of a variable"}, {tokenString, false, "value"}}, tags: map[string]tag{
			"lower": {}, "upper": {}, "lowerfirst": {}, "upperfirst": {}, "quotewildcard": {}, "length": {},
			"quoteregex": {needs: "regex"}, "encodeurl": {needs: "enotify"}}}, set},
		"setflag":    {"imap4flags", signature{optional: true, slots: []slot{{tokenString, false, variable.name}, flagList}}, changeFlags(setFlags)},
		"addflag":    {"imap4flags", signature{optional: true, slots: []slot{{tokenString, false, variable.name}, flagList}}, changeFlags(addFlags)},
		"removeflag": {"imap4flags", signature{optional: true, slots: []slot{{tokenString, false, variable.name}, flagList}}, changeFlags(removeFlags)},

		"addheader": {"editheader", signature{tags: map[string]tag{"last": {}},
			slots: []slot{{tokenString, false, "name of a header field"}, {tokenString, false, "value"}}}, addHeader},
		"deleteheader": {"editheader", signature{matching: true, lastOptional: true, tags: map[string]tag{"index": {value: tokenNumber}, "last": {}},
			slots: []slot{{tokenString, false, "name of a header field"}, {tokenString, true, "value"}}}, deleteHeader},

		"include": {"include", signature{slots: []slot{{tokenString, false, "name of a script"}}, tags: map[string]tag{
			"personal": {}, "global": {}, "once": {}, "optional": {}}}, include},
		"return": {"include", signature{}, func(*arguments) (statement, error) { return func(*machine) error { return errReturn }, nil }},
		"global": {"include", signature{slots: []slot{variable}}, global},
		"error":  {"ihave", signature{slots: []slot{{tokenString, false, "text"}}}, raise},
	}
}
