package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// answerWords are the answers to an invitation, in the order of their numbers
// from 1 on (MS-ASCMD 2.2.3.194).
var answerWords = []string{"accept", "tentative", "decline"}

// respondFlags say what goes with an answer.
type respondFlags struct {
	text, start, end string
	silent           bool
	at               occurrence
}

func (a *app) phoneRespond(f *phoneFlags) *cobra.Command {
	var o respondFlags
	cmd := &cobra.Command{
		Use: "respond FOLDER ID ANSWER", Short: "Answer an invitation: accept, tentative or decline", Args: namedArguments,
		Example: `  martlet phone respond Inbox 1:7 accept --user wren@example.org
  martlet phone respond Calendar 7:12 decline --text "I am away" --user wren@example.org
  martlet phone respond Inbox 1:7 tentative --propose-start "2026-12-01 14:00" --user wren@example.org`,
		Long: `Answer an invitation: the message in the Inbox, or the meeting in the Calendar; ID
is what sync showed. ANSWER is accept, tentative or decline. The organizer is told,
unless --silent is given. Below 16.0 it is the phone that tells the organizer, by
a mail of its own: this one sends none.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				answer, err := o.answer(h.Version(), args[2])
				if err != nil {
					return err
				}
				folder, it, err := h.item(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				if o.at.text != "" {
					begins, err := o.at.instance(phone.ClassOf(folder.Type), h.Version(), it)
					if err != nil {
						return err
					}
					instance := begins.Format("2006-01-02T15:04:05.000Z") // MS-ASCMD 2.2.3.87.2
					answer.InstanceID = &instance
				}
				answer.CollectionID, answer.RequestID = folder.ServerID, it.ServerID
				id, err := h.Respond(ctx, answer)
				if err != nil {
					return respondError(err)
				}
				if h.Version() < eas.V160 && !o.silent {
					a.note("below 16.0 a phone tells the organizer itself: nothing was sent\n")
				}
				where := "; it is in no calendar"
				if id != "" {
					where = ", in the calendar as " + id
				}
				return a.shown(map[string]string{"answer": args[2], "id": id}, "answered %s: %s%s\n", it.ServerID, args[2], where)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.text, "text", "", "what the organizer is told with it, since 16.0")
	flags.BoolVar(&o.silent, "silent", false, "do not tell the organizer")
	flags.StringVar(&o.start, "propose-start", "", `another time, since 16.1: "2026-12-01 14:00"`)
	flags.StringVar(&o.end, "propose-end", "", "when that ends (default: an hour later)")
	o.at.add(flags.StringVar)
	return cmd
}

// answer is what is said, as the version has it.
func (o *respondFlags) answer(v eas.Version, word string) (eas.MeetingAnswer, error) {
	n := slices.Index(answerWords, word)
	if n < 0 {
		return eas.MeetingAnswer{}, fmt.Errorf("%q is none of %s", word, strings.Join(answerWords, ", "))
	}
	a := eas.MeetingAnswer{UserResponse: uint8(n + 1)}
	switch {
	case o.silent && (o.text != "" || o.start != "" || o.end != ""):
		return a, errors.New("--silent tells the organizer nothing: leave out what they are to be told")
	case o.text != "" && v < eas.V160:
		return a, errors.New("--text goes with an answer since 16.0: give another --protocol")
	case o.start == "" && o.end != "":
		return a, errors.New("--propose-end is for --propose-start")
	case o.start != "" && v < eas.V161:
		return a, errors.New("another time is proposed since 16.1: give another --protocol")
	case o.silent || v < eas.V160:
		return a, nil
	}
	a.SendResponse = &eas.MeetingSendResponse{}
	if o.text != "" {
		a.SendResponse.Body = body(o.text)
	}
	if o.start == "" {
		return a, nil
	}
	start, err := parseTime("--propose-start", o.start, false)
	end := start.Add(time.Hour)
	if err == nil && o.end != "" {
		end, err = parseTime("--propose-end", o.end, false)
	}
	if err == nil && end.Before(start) {
		err = fmt.Errorf("--propose-end %s is before --propose-start %s", o.end, o.start)
	}
	a.SendResponse.ProposedStartTime, a.SendResponse.ProposedEndTime = start.UTC(), end.UTC()
	return a, err
}

// respondError says what a status of MeetingResponse means here (MS-ASCMD
// 2.2.3.177.9).
func respondError(err error) error {
	var status *phone.StatusError
	if errors.As(err, &status) && status.Command == "MeetingResponse" && status.Status == uint16(eas.MeetingResponseStatusInvalidRequest) {
		return fmt.Errorf("%w\nit is no invitation that can be answered: your own meeting, one that is\ncancelled, one that a later invitation has changed, or no meeting at all", err)
	}
	return err
}
