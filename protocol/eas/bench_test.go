package eas_test

import (
	"strings"
	"testing"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// BenchmarkMarshalSync writes an initial Sync of 512 messages with bodies of
// 30 KB into a buffer that is used again, as the door does it.
func BenchmarkMarshalSync(b *testing.B) {
	body := strings.Repeat("<p>Some text of a message, with a link and é.</p>\r\n", 600)
	var commands []eas.SyncResponseCommand
	for range 512 {
		email := exampleEmail()
		email.Body.Data = &body
		commands = append(commands, eas.SyncResponseCommand{Add: &eas.SyncServerAdd{ServerID: "5:10", ApplicationData: email}})
	}
	response := &eas.SyncResponse{Collections: []eas.SyncResponseCollection{{SyncKey: "1", CollectionID: "5", Status: 1, Commands: commands}}}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = wbxml.AppendMarshal(buf[:0], response); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
	b.ReportMetric(512*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func benchmarkUnmarshal[T any](b *testing.B, in *T) {
	doc, err := wbxml.Marshal(in)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		var out T
		if err := wbxml.Unmarshal(doc, &out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalPing(b *testing.B) {
	benchmarkUnmarshal(b, &eas.Ping{HeartbeatInterval: ptr(uint(480)), Folders: []eas.PingFolder{{ID: "5", Class: "Email"}, {ID: "8", Class: "Calendar"}}})
}

func BenchmarkUnmarshalSync(b *testing.B) {
	benchmarkUnmarshal(b, &eas.Sync{Collections: []eas.SyncCollection{{
		SyncKey: "1804289384", CollectionID: "5", GetChanges: ptr(true), WindowSize: ptr(uint(100)),
		Options: []eas.SyncOptions{{FilterType: ptr(uint(3)), BodyPreference: []eas.BodyPreference{{Type: ptr(uint(2)), TruncationSize: ptr(uint32(51200))}}}},
	}}})
}

func BenchmarkMarshalPingResponse(b *testing.B) {
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = wbxml.AppendMarshal(buf[:0], &eas.PingResponse{Status: eas.PingStatusChanges, Folders: []string{"5"}}); err != nil {
			b.Fatal(err)
		}
	}
}
