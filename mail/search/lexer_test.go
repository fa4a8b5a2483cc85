package search

import (
	"slices"
	"strings"
	"testing"
)

// termsOf returns the terms of a text, sorted.
func termsOf(text string) []string {
	c := &collector{slots: make([]int32, firstSlots)}
	c.seed = NewBuilder().c.seed
	c.text(Body, text)
	var all []string
	for term := range c.terms().All() {
		all = append(all, string(term))
	}
	slices.Sort(all)
	return all
}

func TestWordsAreFoundInEveryScript(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Käse, KASE und \"Kaese\"", "kaese kase und"},
		{"Straße STRASSE", "strasse"},
		{"Ærøskøbing Łódź Đorđe þorn ısı", "aeroskobing dorde isi lodz thorn"},
		{"naïve cafe\u0301 ﬁn", "cafe fin naive"},
		{"Ｆｕｌｌ Ｗｉｄｔｈ １２", "12 full width"},
		{"Όμορφος ΟΜΟΡΦΟΣ", "ομορφοσ"},
		{"Ёлка елка мой", "елка мой"},
		{"שָׁלוֹם שלום", "שלום"},
		{"كَتَبَ كتب أحمد احمد مـــد", "احمد كتب مد"},
		{"हिन्दी में", "में हिन्दी"},
		{"中文搜索", "中文 搜索 文搜 索"},
		{"中", "中"},
		{"東京タワー", "ワー タワ ー 京タ 東京"},
		{"ｶﾞｽ", "ガス ス"},
		{"안녕하세요 세계", "계 녕하 세계 세요 안녕 요 하세"},
		{"สวัสดี", "ดี วั สว สด ัส ี"},
		{"abc中文def", "abc def 中文 文"},
		{"john.doe@example.com", "com doe example john john.doe@example.com"},
		{"<a@b.c>, x@ @y", "a a@b.c b c x y"},
		{"e-mail file_name.pdf don't", "don e file mail name pdf t"},
		{"soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"},
		{"½ ² 3.14", "1 14 2 3"},
		{"!!! ... --- 🎉", ""},
		{strings.Repeat("x", 100), strings.Repeat("x", maxTerm)},
		{"\xff\xfe broken \xe4", "broken"},
	} {
		want := strings.Fields(c.want)
		slices.Sort(want)
		if got := termsOf(c.text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", c.text, got, want)
		}
	}
}

func TestALongWordIsCutAtACharacter(t *testing.T) {
	for _, term := range termsOf(strings.Repeat("ж", 100) + " " + strings.Repeat("a", maxTerm-1) + "жж") {
		if len(term) > maxTerm || strings.ContainsRune(term, '\ufffd') {
			t.Errorf("%q", term)
		}
	}
}
