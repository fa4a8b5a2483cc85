package rtf

// word takes a control word.
func (r *reader) word(t *token) {
	if r.toSkip > 0 && t.word != "u" && t.word != "uc" {
		r.toSkip--
		if characters[t.word] != "" {
			return
		}
		r.toSkip = 0
	}
	if s := characters[t.word]; s != "" {
		r.special(s)
		return
	}
	if (r.cur.opened || bool(r.cur.starred)) && r.destination(t) {
		return
	}
	on := !t.has || t.param != 0
	switch t.word {
	case "par":
		r.layout(r.out.paragraph)
	case "line", "softline", "lbr":
		r.layout(r.out.line)
	case "sect", "page":
		r.layout(r.out.paragraph)
	case "tab":
		if r.flush(); r.cur.dest == toTag {
			r.out.tag("\t")
		} else {
			r.layout(r.out.tab)
		}
	case "cell", "nestcell":
		r.layout(r.out.cell)
	case "row", "nestrow":
		r.layout(r.out.row)
	case "u":
		r.unicode(t.param)
	case "uc":
		r.cur.skip = max(0, min(t.param, 16))
	case "ansicpg":
		r.page = t.param
	case "mac":
		r.page = 10000
	case "pc":
		r.page = 437
	case "pca":
		r.page = 850
	case "deff":
		r.cur.font, r.defFont = t.param, t.param
	case "htmlrtf":
		r.flush()
		r.cur.rtf = on && r.html
	case "plain":
		r.flush()
		r.cur.style, r.cur.font = style{}, r.defFont
	case "f":
		r.fontWord(t.param)
	case "fcharset", "cpg":
		r.fontPage(t)
	case "red":
		r.colour |= uint32(t.param&255) << 16
	case "green":
		r.colour |= uint32(t.param&255) << 8
	case "blue":
		r.colour |= uint32(t.param & 255)
	default:
		r.styleWord(t.word, t.param, on)
	}
}

// styleWord takes a control word that changes how characters look.
func (r *reader) styleWord(word string, param int, on bool) {
	st := r.cur.style
	switch word {
	case "b":
		st.bold = on
	case "i":
		st.italic = on
	case "ul", "uld", "uldb", "ulw", "ulth", "uldash", "ulwave":
		st.underline = on
	case "ulnone":
		st.underline = false
	case "strike", "striked":
		st.strike = on
	case "v":
		st.hidden = on
	case "sub":
		st.shift = -1
	case "super":
		st.shift = 1
	case "nosupersub":
		st.shift = 0
	case "fs":
		st.size = param
	case "cf":
		st.colour = 0
		if param > 0 && param < len(r.colours) {
			st.colour = int(r.colours[param]) | 1<<24
		}
	default:
		return
	}
	if st != r.cur.style {
		r.flush()
		r.cur.style = st
	}
}

func (r *reader) fontWord(n int) {
	if r.cur.dest == toFonts {
		r.font = n
		return
	}
	if r.fonts[n] != r.fonts[r.cur.font] {
		r.flush()
	}
	r.cur.font = n
}

func (r *reader) fontPage(t *token) {
	if r.cur.dest != toFonts || len(r.fonts) >= maxFonts {
		return
	}
	page := t.param
	if t.word == "fcharset" {
		page = charsetPage(t.param)
	}
	r.fonts[r.font] = page
}

// destination takes the word that says where a group's text goes.
func (r *reader) destination(t *token) bool {
	dest := toNowhere
	switch t.word {
	case "fonttbl":
		dest = toFonts
	case "colortbl":
		dest = toColours
	case "htmltag":
		if dest = toTag; !r.html {
			dest = toNowhere
		}
	case "mhtmltag":
		dest = toSkippedTag
	case "fldinst":
		if dest = toField; r.html {
			dest = toNowhere
		}
	case "stylesheet", "info", "pict", "object", "objdata", "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf",
		"listtable", "listoverridetable", "revtbl", "rsidtbl", "generator", "themedata", "colorschememapping", "latentstyles", "datastore",
		"xmlnstbl", "filetbl", "nonshppict", "bkmkstart", "bkmkend", "atnid", "atnauthor", "annotation", "footnote", "tc", "xe", "rxe", "txe",
		"private", "template", "operator", "author", "title", "subject", "keywords", "comment", "doccomm", "ftnsep", "aftnsep", "userprops",
		"wgrffmtfilter", "pnseclvl", "panose", "falt", "fontemb", "fontfile", "mmath", "mmathPr":
	case "pntext", "listtext", "fldrslt", "shptxt", "shprslt", "result":
		return false // shown
	default:
		if !r.cur.starred {
			return false
		}
	}
	if r.cur.dest == toNowhere || r.cur.dest == toSkippedTag {
		return true // within what is left out, all is
	}
	if r.cur.dest == toFonts && dest == toNowhere && t.word != "fonttbl" {
		r.cur.dest = toNowhere
		return true
	}
	r.flush()
	r.cur.dest = dest
	return true
}

// characters are the control words that stand for a character.
var characters = map[string]string{
	"lquote": "\u2018", "rquote": "\u2019", "ldblquote": "\u201c", "rdblquote": "\u201d", "bullet": "\u2022", "endash": "\u2013", "emdash": "\u2014",
	"enspace": "\u2002", "emspace": "\u2003", "qmspace": "\u2005", "zwj": "\u200d", "zwnj": "\u200c", "ltrmark": "\u200e", "rtlmark": "\u200f",
}
