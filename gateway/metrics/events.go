package metrics

// tookKey is the attribute that says how long something took.
const tookKey = "took"

// maxLabels bounds the labels of an event that come from its line.
const maxLabels = 3

// event says how lines with one message are counted.
type event struct {
	counter, help string
	labels        []string // attributes of the line; their values are few
	outcome       string   // a label of that name; empty: there is none

	seconds, secondsHelp string   // a histogram of how long it took; empty: none
	timeLabels           []string // the first of labels
}

func (e *event) names() (all []string) {
	all = append(all, e.labels...)
	if e.outcome != "" {
		all = append(all, "outcome")
	}
	return all
}

func (e *event) values(labels []string) (all []string) {
	all = append(all, labels...)
	if e.outcome != "" {
		all = append(all, e.outcome)
	}
	return all
}

func isLabel(key string) bool {
	switch key {
	case tookKey, "command", "method", "http", "protocol", "door":
		return true
	}
	return false
}

// events are the lines that are counted, by message.
func events() map[string]event {
	all := map[string]event{
		"activesync request": {
			counter: "martlet_activesync_requests_total", help: "Requests of phones by command and HTTP status.", labels: []string{"command", "http"},
			seconds: "martlet_activesync_request_seconds", secondsHelp: "How long requests of phones took, the time that they were held left out.", timeLabels: []string{"command"},
		},
		"dav request": {
			counter: "martlet_dav_requests_total", help: "Requests of calendar and address book programs by method and HTTP status.", labels: []string{"method", "http"},
			seconds: "martlet_dav_request_seconds", secondsHelp: "How long requests of calendar and address book programs took.", timeLabels: []string{"method"},
		},
		"session refused": {
			counter: "martlet_sessions_refused_total", help: "Connections that were one too many, by protocol.", labels: []string{"protocol"},
		},
		"message submitted": {counter: "martlet_messages_submitted_total", help: "Messages that our users have sent, through any door."},
	}
	add := func(message string, e event) { all[message] = e }
	for message, outcome := range map[string]string{
		"smtp message accepted": "accepted", "smtp message refused": "refused", "smtp message not taken": "unavailable",
	} {
		add(message, event{
			counter: "martlet_smtp_messages_total", help: "Messages that came by SMTP and LMTP.", outcome: outcome,
			seconds: "martlet_smtp_message_seconds", secondsHelp: "From the end of a message to our answer.",
		})
	}
	for message, outcome := range map[string]string{
		"smtp session refused": "session", "smtp sender refused": "sender", "smtp recipient refused": "recipient",
	} {
		add(message, event{counter: "martlet_smtp_refusals_total", help: "What SMTP refused before a message came.", outcome: outcome})
	}
	for message, outcome := range map[string]string{"message sent": "sent", "message not sent": "failed", "message delayed": "delayed"} {
		add(message, event{counter: "martlet_queue_attempts_total", help: "What came of attempts to bring a message to another host, by recipient.", outcome: outcome})
	}
	for message, outcome := range map[string]string{"login failed": "failed", "login refused": "refused"} {
		add(message, event{counter: "martlet_logins_failed_total", help: "Logins that failed, or were refused after too many failures, by door.", labels: []string{"door"}, outcome: outcome})
	}
	return all
}
