package phone_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

const inbox = "5"

// server is the far side: an account with an inbox, which refuses what a real
// server refuses. Its log of changes is a script that the test extends.
type server struct {
	*httptest.Server
	t *testing.T

	mu        sync.Mutex // guards what follows
	requests  []string
	tempKey   uint32
	policyKey uint32
	log       []eas.SyncResponseCommand
	confirmed state
	pending   state
	read      map[string]bool
	sent      map[string]int
	window    int
	wake      chan struct{}
}

// state is one generation of a collection: its key and how much of the log the
// phone has got with it.
type state struct{ key, upTo int }

func newServer(t *testing.T) *server {
	s := &server{t: t, window: 2, read: map[string]bool{}, sent: map[string]int{}, wake: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("/Microsoft-Server-ActiveSync", s.activesync)
	mux.HandleFunc("/autodiscover/autodiscover.xml", s.autodiscover)
	mux.HandleFunc("/autodiscover/autodiscover.json", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"Protocol":"ActiveSync","Url":"%s/Microsoft-Server-ActiveSync"}`, s.URL)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *server) autodiscover(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !strings.Contains(string(body), "<EMailAddress>ada@example.org</EMailAddress>") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"><Action><Settings><Server><Type>MobileSync</Type><Url>%s/Microsoft-Server-ActiveSync</Url></Server></Settings></Action></Response></Autodiscover>`, s.URL)
}

// line is a request line of either form.
type line struct {
	command, device, version, attachment string
	policyKey                            uint32
	multipart                            bool
}

func readLine(r *http.Request) (line, error) {
	if q := r.URL.Query(); q.Has("Cmd") {
		key, err := strconv.ParseUint(r.Header.Get("X-MS-PolicyKey"), 10, 32)
		return line{
			q.Get("Cmd"), q.Get("DeviceId"), r.Header.Get("MS-ASProtocolVersion"), q.Get("AttachmentName"),
			uint32(key), r.Header.Get("MS-ASAcceptMultiPart") == "T",
		}, err
	}
	b, err := base64.StdEncoding.DecodeString(r.URL.RawQuery)
	if err != nil || len(b) < 10 {
		return line{}, fmt.Errorf("query %q", r.URL.RawQuery)
	}
	commands := map[byte]string{0: "Sync", 1: "SendMail", 4: "GetAttachment", 9: "FolderSync", 10: "FolderCreate", 13: "MoveItems", 14: "GetItemEstimate", 17: "Settings", 18: "Ping", 19: "ItemOperations", 20: "Provision"}
	l := line{command: commands[b[1]], version: eas.Version(b[0]).String()}
	take := func() string {
		n := int(b[0])
		v := string(b[1 : 1+n])
		b = b[1+n:]
		return v
	}
	b = b[4:]
	l.device = take()
	if key := take(); len(key) == 4 {
		l.policyKey = binary.LittleEndian.Uint32([]byte(key))
	}
	take()
	for len(b) > 1 {
		tag := b[0]
		b = b[1:]
		value := take()
		switch tag {
		case 0:
			l.attachment = value
		case 7:
			l.multipart = value[0]&2 != 0
		}
	}
	return l, nil
}

func (s *server) activesync(w http.ResponseWriter, r *http.Request) {
	if user, password, ok := r.BasicAuth(); !ok || user != "ada@example.org" || password != "secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodOptions {
		w.Header().Set("MS-ASProtocolVersions", "14.1,16.0,16.1")
		w.Header().Set("MS-ASProtocolCommands", "Sync,Ping")
		return
	}
	l, err := readLine(r)
	body, _ := io.ReadAll(r.Body)
	if err != nil || l.device == "" || len(body) > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/vnd.ms-sync") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if _, err := eas.ParseVersion(l.version); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, l.command)
	if l.command != "Provision" && (s.policyKey == 0 || l.policyKey != s.policyKey) {
		s.refuse(w, l.command)
		return
	}
	s.command(w, l, body)
}

// refuse asks for provisioning, as 14.x and later do it.
func (s *server) refuse(w http.ResponseWriter, command string) {
	switch command {
	case "FolderSync":
		s.write(w, &eas.FolderSyncResponse{Status: eas.StatusDeviceNotProvisioned})
	case "Sync":
		s.write(w, &eas.SyncResponse{Status: eas.StatusInvalidPolicyKey})
	default:
		w.WriteHeader(449)
	}
}

func (s *server) command(w http.ResponseWriter, l line, body []byte) {
	switch l.command {
	case "Provision":
		s.provision(w, l, read[eas.Provision](s, body))
	case "FolderSync":
		s.folderSync(w, read[eas.FolderSync](s, body))
	case "FolderCreate":
		s.write(w, &eas.FolderCreateResponse{Status: eas.FolderCreateStatusSuccess, SyncKey: "2", ServerID: "20"})
	case "Sync":
		s.sync(w, read[eas.Sync](s, body))
	case "Ping":
		s.ping(w, body)
	case "GetItemEstimate":
		n := uint(len(s.log) - s.pending.upTo)
		s.write(w, &eas.GetItemEstimateResponse{Responses: []eas.EstimateResponse{{Status: 1, Collection: &eas.EstimatedCollection{CollectionID: inbox, Estimate: &n}}}})
	case "MoveItems":
		req := read[eas.MoveItems](s, body)
		s.write(w, &eas.MoveItemsResponse{Responses: []eas.MoveResponse{
			{SrcMsgID: req.Moves[0].SrcMsgID, Status: eas.MoveItemsStatusSuccess, DstMsgID: "4:9"},
			{SrcMsgID: req.Moves[1].SrcMsgID, Status: eas.MoveItemsStatusInvalidSource},
		}})
	case "ItemOperations":
		s.itemOperations(w, l, read[eas.ItemOperations](s, body))
	case "SendMail":
		req := read[eas.SendMail](s, body)
		if s.sent[req.ClientID] == 0 {
			s.sent[req.ClientID]++ // the same client id is never sent twice
		}
	case "Settings":
		s.write(w, &eas.SettingsResponse{Status: 1, Properties: []eas.SettingsResult{
			{DeviceInformation: &eas.DeviceInformationDone{Status: 1}},
			{UserInformation: &eas.UserInformationResult{Status: 1, Get: &eas.UserInformation{Accounts: []eas.Account{{EmailAddresses: &eas.EmailAddresses{SMTPAddresses: []string{"ada@example.org"}}}}}}},
		}})
	case "GetAttachment":
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "content of "+l.attachment)
	default:
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func read[T any](s *server, body []byte) *T {
	var v T
	d := wbxml.Decoder{Strict: true}
	if err := d.Unmarshal(body, &v); err != nil {
		s.t.Errorf("a request that cannot be read: %v\n%s", err, wbxml.Dump(body))
	}
	return &v
}

func (s *server) write(w http.ResponseWriter, v any, parts ...string) {
	b, err := wbxml.Marshal(v)
	if err != nil {
		s.t.Error(err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.ms-sync.wbxml")
	if len(parts) > 0 {
		w.Header().Set("Content-Type", "application/vnd.ms-sync.multipart")
		all := append([]string{string(b)}, parts...)
		head := binary.LittleEndian.AppendUint32(nil, uint32(len(all)))
		offset := 4 + 8*len(all)
		for _, p := range all {
			head = binary.LittleEndian.AppendUint32(head, uint32(offset))
			head = binary.LittleEndian.AppendUint32(head, uint32(len(p)))
			offset += len(p)
		}
		b = append(head, strings.Join(all, "")...)
	}
	_, _ = w.Write(b)
}

func (s *server) provision(w http.ResponseWriter, l line, req *eas.Provision) {
	policy := req.Policies[0]
	answer := eas.Policy{PolicyType: policy.PolicyType, Status: eas.PolicyStatusSuccess}
	switch {
	case policy.PolicyKey == "": // the first phase: a temporary key
		if l.policyKey != 0 {
			s.t.Error("the first phase came with a policy key")
		}
		s.tempKey = 77
		on := true
		answer.PolicyKey, answer.Data = "77", &eas.PolicyData{Doc: &eas.EASProvisionDoc{DevicePasswordEnabled: &on}}
	case policy.PolicyKey != strconv.Itoa(int(s.tempKey)) || policy.Status != eas.PolicyAcknowledgmentApplied:
		answer.Status = eas.PolicyStatusKeyMismatch
	default:
		s.policyKey = 4711
		answer.PolicyKey = "4711"
	}
	s.write(w, &eas.ProvisionResponse{Status: 1, Policies: []eas.Policy{answer}})
}

func (s *server) folderSync(w http.ResponseWriter, req *eas.FolderSync) {
	resp := &eas.FolderSyncResponse{Status: eas.FolderSyncStatusSuccess, SyncKey: "1", Changes: &eas.FolderChanges{}}
	switch req.SyncKey {
	case "0":
		resp.Changes.Adds = []eas.Folder{
			{ServerID: inbox, ParentID: "0", DisplayName: "Inbox", Type: eas.FolderInbox},
			{ServerID: "4", ParentID: "0", DisplayName: "Deleted", Type: eas.FolderDeletedItems},
		}
		resp.Changes.Count = 2
	case "1":
	default:
		resp = &eas.FolderSyncResponse{Status: eas.FolderSyncStatusInvalidSyncKey}
	}
	s.write(w, resp)
}

// sync keeps the two generations: the key sent last confirms it, the one before
// is answered again.
func (s *server) sync(w http.ResponseWriter, req *eas.Sync) {
	c := req.Collections[0]
	out := eas.SyncResponseCollection{CollectionID: c.CollectionID, Status: eas.SyncStatusSuccess}
	key, err := strconv.Atoi(c.SyncKey)
	switch {
	case err != nil || c.CollectionID != inbox:
		out.SyncKey, out.Status = c.SyncKey, eas.SyncStatusProtocolError
	case key == 0:
		s.confirmed, s.pending = state{}, state{key: s.pending.key + 1}
		out.SyncKey = strconv.Itoa(s.pending.key)
	case key == s.pending.key || key == s.confirmed.key:
		if key == s.pending.key {
			s.confirmed = s.pending
		}
		changed := s.apply(c.Commands, &out)
		upTo := s.confirmed.upTo
		if *c.GetChanges {
			upTo = min(upTo+s.window, len(s.log))
		}
		if upTo == s.confirmed.upTo && !changed {
			return // nothing new: no body
		}
		out.Commands = s.log[s.confirmed.upTo:upTo]
		out.MoreAvailable = *c.GetChanges && upTo < len(s.log)
		s.pending = state{s.confirmed.key + 1, upTo}
		out.SyncKey = strconv.Itoa(s.pending.key)
	default:
		out.SyncKey, out.Status = "0", eas.SyncStatusInvalidSyncKey
	}
	s.write(w, &eas.SyncResponse{Collections: []eas.SyncResponseCollection{out}})
}

func (s *server) apply(commands []eas.SyncCommand, out *eas.SyncResponseCollection) bool {
	for _, command := range commands {
		switch {
		case command.Change != nil && command.Change.ServerID == "5:404":
			out.Responses = append(out.Responses, eas.SyncReply{Change: &eas.SyncChangeReply{ServerID: "5:404", Status: eas.SyncStatusObjectNotFound}})
		case command.Change != nil:
			var e eas.Email
			if err := wbxml.UnmarshalRaw(command.Change.ApplicationData, &e); err != nil {
				s.t.Error(err)
			}
			s.read[command.Change.ServerID] = e.Read != nil && *e.Read
		case command.Fetch != nil:
			out.Responses = append(out.Responses, eas.SyncReply{Fetch: &eas.SyncFetchReply{ServerID: command.Fetch.ServerID, Status: 1, ApplicationData: message("fetched")}})
		}
	}
	return len(commands) > 0
}

func (s *server) ping(w http.ResponseWriter, body []byte) {
	if len(body) > 0 {
		if req := read[eas.Ping](s, body); req.HeartbeatInterval == nil || *req.HeartbeatInterval < 60 {
			shortest := uint(60)
			s.write(w, &eas.PingResponse{Status: eas.PingStatusHeartbeatOutOfRange, HeartbeatInterval: &shortest})
			return
		}
	}
	s.mu.Unlock()
	<-s.wake
	s.mu.Lock()
	s.write(w, &eas.PingResponse{Status: eas.PingStatusChanges, Folders: []string{inbox}})
}

func (s *server) itemOperations(w http.ResponseWriter, l line, req *eas.ItemOperations) {
	op := req.Operations[0]
	resp := &eas.ItemOperationsResponse{Status: 1}
	one := uint(1)
	switch {
	case op.EmptyFolderContents != nil:
		resp.Response = []eas.ItemOperationReply{{EmptyFolderContents: &eas.EmptyFolderContentsReply{Status: 1, CollectionID: op.EmptyFolderContents.CollectionID}}}
	case op.Fetch.FileReference != nil && *op.Fetch.FileReference == "gone":
		resp.Response = []eas.ItemOperationReply{{Fetch: &eas.FetchReply{Status: eas.ItemOperationsStatusInvalidAttachment, FileReference: "gone"}}}
	case op.Fetch.FileReference != nil && l.multipart:
		resp.Response = []eas.ItemOperationReply{{Fetch: &eas.FetchReply{Status: 1, Properties: &eas.AttachmentProperties{ContentType: "text/plain", Part: &one}}}}
		s.write(w, resp, "in parts")
		return
	case op.Fetch.FileReference != nil:
		resp.Response = []eas.ItemOperationReply{{Fetch: &eas.FetchReply{Status: 1, Properties: &eas.AttachmentProperties{ContentType: "text/plain", Data: []byte("inline")}}}}
	case l.multipart:
		resp.Response = []eas.ItemOperationReply{{Fetch: &eas.FetchReply{Status: 1, Properties: &eas.Email{Body: &eas.Body{Type: 1, Part: &one}}}}}
		s.write(w, resp, "body in a part")
		return
	default:
		resp.Response = []eas.ItemOperationReply{{Fetch: &eas.FetchReply{Status: 1, Properties: message("whole")}}}
	}
	s.write(w, resp)
}

func message(subject string) *eas.Email {
	no, data := false, strings.Repeat("text ", 100)
	return &eas.Email{Subject: &subject, From: "g@example.org", Read: &no, Body: &eas.Body{Type: 1, EstimatedDataSize: uint32(len(data)), Data: &data}}
}

func add(id, subject string) eas.SyncResponseCommand {
	return eas.SyncResponseCommand{Add: &eas.SyncServerAdd{ServerID: id, ApplicationData: message(subject)}}
}

// deliver lets changes happen on the server and wakes a Ping.
func (s *server) deliver(changes ...eas.SyncResponseCommand) {
	s.mu.Lock()
	s.log = append(s.log, changes...)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
