package message

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	raw := sample(30 << 10)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(raw)
	}
}

// BenchmarkParseHostile is a message made to be slow: multiparts in one
// another, none of which ends.
func BenchmarkParseHostile(b *testing.B) {
	raw := nestedUnterminated(1000)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(raw)
	}
}

func BenchmarkReadText(b *testing.B) {
	raw := sample(30 << 10)
	ix := Parse(raw)
	_, html := ix.Text()
	b.SetBytes(ix.Parts[html].End - ix.Parts[html].Body)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := ix.ReadText(html, Bytes(raw), 51200); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHTMLToText(b *testing.B) {
	raw := sample(30 << 10)
	ix := Parse(raw)
	_, part := ix.Text()
	html, _, _, _ := ix.ReadText(part, Bytes(raw), -1)
	b.SetBytes(int64(len(html)))
	b.ReportAllocs()
	for b.Loop() {
		HTMLToText(html)
	}
}

func BenchmarkDecodeIndex(b *testing.B) {
	enc := Parse(sample(30 << 10)).Append(nil)
	b.SetBytes(int64(len(enc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(enc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendIndex(b *testing.B) {
	ix := Parse(sample(30 << 10))
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = ix.Append(dst[:0])
	}
}

func BenchmarkOpenBase64(b *testing.B) {
	raw := []byte("Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1, 2, 3}, 19))+"\r\n", 20000))
	ix := Parse(raw)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.Copy(io.Discard, ix.Open(0, Bytes(raw))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAddressList(b *testing.B) {
	list := strings.Repeat(`"Müller, Jürgen" <juergen@example.org>, =?utf-8?q?Bj=C3=B6rn?= <b@example.com>, carol@example.net; `, 10)
	b.SetBytes(int64(len(list)))
	b.ReportAllocs()
	for b.Loop() {
		ParseAddressList(list)
	}
}
