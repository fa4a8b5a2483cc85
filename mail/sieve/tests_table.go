package sieve

// tests are all there are, with what they take.
func tests() map[string]testing {
	index := map[string]tag{"index": {value: tokenNumber, needs: "index"}, "last": {needs: "index"}}
	names := slot{tokenString, true, "name of a header field"}
	keys := slot{tokenString, true, "key"}
	return map[string]testing{
		"true":  {"", signature{}, constantTest(true)},
		"false": {"", signature{}, constantTest(false)},
		"not":   {"", signature{tests: oneTest}, notTest},
		"allof": {"", signature{tests: someTests}, joined(false)},
		"anyof": {"", signature{tests: someTests}, joined(true)},

		"header":  {"", signature{tags: index, matching: true, slots: []slot{names, keys}}, headerTest},
		"address": {"", signature{tags: index, matching: true, parts: true, slots: []slot{names, keys}}, addressTest},
		"envelope": {"envelope", signature{matching: true, parts: true,
			slots: []slot{{tokenString, true, "part of the envelope"}, keys}}, envelopeTest},
		"exists": {"", signature{slots: []slot{names}}, existsTest},
		"size":   {"", signature{tags: map[string]tag{"over": {value: tokenNumber}, "under": {value: tokenNumber}}}, sizeTest},
		"body": {"body", signature{matching: true, slots: []slot{keys}, tags: map[string]tag{
			"raw": {}, "text": {}, "content": {value: tokenString, list: true}}}, bodyTest},

		"date": {"date", signature{matching: true, slots: []slot{{tokenString, false, "name of a header field"}, {tokenString, false, "part of a date"}, keys},
			tags: map[string]tag{"zone": {value: tokenString}, "originalzone": {}, "index": index["index"], "last": index["last"]}}, dateTest},
		"currentdate": {"date", signature{matching: true, slots: []slot{{tokenString, false, "part of a date"}, keys},
			tags: map[string]tag{"zone": {value: tokenString}}}, currentDateTest},

		"string":      {"variables", signature{matching: true, slots: []slot{{tokenString, true, "text"}, keys}}, stringTest},
		"hasflag":     {"imap4flags", signature{matching: true, optional: true, slots: []slot{{tokenString, true, "name of a variable"}, {tokenString, true, "flag"}}}, hasFlagTest},
		"environment": {"environment", signature{matching: true, slots: []slot{{tokenString, false, "item of the environment"}, keys}}, environmentTest},
		"ihave":       {"ihave", signature{slots: []slot{{tokenString, true, "name of an extension"}}}, ihaveTest},

		"spamtest": {"spamtest|spamtestplus", signature{matching: true, slots: []slot{{tokenString, false, "value"}},
			tags: map[string]tag{"percent": {needs: "spamtestplus"}}}, spamTest},
		"virustest": {"virustest", signature{matching: true, slots: []slot{{tokenString, false, "value"}}}, virusTest},

		"mailboxexists":     {"mailbox", signature{slots: []slot{{tokenString, true, "mailbox"}}}, mailboxExistsTest},
		"specialuse_exists": {"special-use", signature{optional: true, slots: []slot{{tokenString, false, "mailbox"}, {tokenString, true, "attribute"}}}, specialUseTest},
		"duplicate": {"duplicate", signature{tags: map[string]tag{"handle": {value: tokenString}, "header": {value: tokenString},
			"uniqueid": {value: tokenString}, "seconds": {value: tokenNumber}, "last": {}}}, duplicateTest},

		"valid_notify_method": {"enotify", signature{slots: []slot{{tokenString, true, "URI"}}}, validNotifyTest},
		"notify_method_capability": {"enotify", signature{matching: true,
			slots: []slot{{tokenString, false, "URI"}, {tokenString, false, "capability"}, keys}}, notifyCapabilityTest},
	}
}

func constantTest(yes bool) func(*arguments) (test, error) {
	return func(*arguments) (test, error) {
		return func(*machine) (bool, error) { return yes, nil }, nil
	}
}

func notTest(a *arguments) (test, error) {
	all, err := a.testsOf()
	if err != nil {
		return nil, err
	}
	return func(m *machine) (bool, error) {
		yes, err := all[0](m)
		return !yes, err
	}, nil
}

// joined is anyof and allof: the first test that gives until ends them (RFC 5228
// 5.2 and 5.3).
func joined(until bool) func(*arguments) (test, error) {
	return func(a *arguments) (test, error) {
		all, err := a.testsOf()
		if err != nil {
			return nil, err
		}
		return func(m *machine) (bool, error) {
			for _, t := range all {
				if yes, err := t(m); err != nil || yes == until {
					return yes, err
				}
			}
			return !until, nil
		}, nil
	}
}
