package phone

import (
	"context"
	"fmt"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// MarkRead is the command that marks a message read or unread.
func MarkRead(serverID string, read bool) eas.SyncCommand {
	return Change(serverID, &eas.Email{Read: &read})
}

// SetFlag is the command that sets a message's flag; a nil one clears it.
func SetFlag(serverID string, flag *eas.Flag) eas.SyncCommand {
	if flag == nil {
		flag = &eas.Flag{}
	}
	return Change(serverID, &eas.Email{Flag: flag})
}

// Change is the command that changes what email sets.
func Change(serverID string, email *eas.Email) eas.SyncCommand {
	raw, err := wbxml.MarshalRaw(email)
	if err != nil {
		panic(err) // a mistake in eas.Email itself
	}
	return eas.SyncCommand{Change: &eas.SyncChange{ServerID: serverID, ApplicationData: raw}}
}

// Delete is the command that deletes a message.
func Delete(serverID string) eas.SyncCommand {
	return eas.SyncCommand{Delete: &eas.SyncDelete{ServerID: serverID}}
}

// Fetch is the command that brings a whole message.
func Fetch(serverID string) eas.SyncCommand {
	return eas.SyncCommand{Fetch: &eas.SyncFetch{ServerID: serverID}}
}

// Respond answers one invitation (MS-ASCMD 2.2.1.11). The id is that of the
// meeting in the calendar, empty when it is in none, as after a refusal.
func (p *Phone) Respond(ctx context.Context, a eas.MeetingAnswer) (calendarID string, err error) {
	var resp eas.MeetingResponseResponse
	if err := p.Call(ctx, "MeetingResponse", Params{}, &eas.MeetingResponse{Requests: []eas.MeetingAnswer{a}}, &resp); err != nil {
		return "", err
	}
	if len(resp.Results) != 1 {
		return "", fmt.Errorf("phone: MeetingResponse: %d answers", len(resp.Results))
	}
	r := resp.Results[0]
	return r.CalendarID, statusError("MeetingResponse", r.Status, eas.MeetingResponseStatusSuccess)
}
