package registration

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// contract is openapi.json as tests hold requests and answers to it: the subset
// of OpenAPI 3.1 and JSON Schema that the file uses. A keyword that it does not
// know is an error, so that nothing in the file goes unchecked.
type contract struct {
	t    *testing.T
	root map[string]any
}

func readContract(t *testing.T) *contract {
	t.Helper()
	c := &contract{t: t}
	if err := json.Unmarshal(description, &c.root); err != nil {
		t.Fatal(err)
	}
	return c
}

// at follows a path of keys and a $ref at its end.
func (c *contract) at(v any, path ...string) map[string]any {
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	m, _ := v.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		where := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
		target := c.at(c.root, where...)
		if target == nil {
			c.t.Errorf("openapi.json: %s leads nowhere", ref)
		}
		return target
	}
	return m
}

var hole = regexp.MustCompile(`\{[a-z]+\}`)

// operation finds what the description says of a request.
func (c *contract) operation(method, path string) map[string]any {
	path = strings.TrimPrefix(strings.TrimRight(path, "/"), Path)
	for name := range c.at(c.root, "paths") {
		if regexp.MustCompile("^" + hole.ReplaceAllString(name, "[^/]+") + "$").MatchString(path) {
			return c.at(c.root, "paths", name, strings.ToLower(method))
		}
	}
	return nil
}

// request says what is wrong with a request, by the description.
func (c *contract) request(r *http.Request, body []byte) error {
	op := c.operation(r.Method, r.URL.Path)
	if op == nil {
		return fmt.Errorf("%s %s is not described", r.Method, r.URL.Path)
	}
	content := c.at(op, "requestBody", "content")
	if content == nil {
		if len(body) > 0 {
			return fmt.Errorf("%s %s takes no body", r.Method, r.URL.Path)
		}
		return nil
	}
	return c.body(content, r.Header.Get("Content-Type"), body)
}

// answer says what is wrong with an answer.
func (c *contract) answer(r *http.Request, status int, header http.Header, body []byte) error {
	op := c.operation(r.Method, r.URL.Path)
	if op == nil {
		if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
			return c.body(c.at(c.root, "components", "responses", "Problem", "content"), header.Get("Content-Type"), body)
		}
		return fmt.Errorf("%s %s is not described and answers %d", r.Method, r.URL.Path, status)
	}
	answer := c.at(op, "responses", strconv.Itoa(status))
	if answer == nil && status >= 400 {
		answer = c.at(op, "responses", "default")
	}
	if answer == nil {
		return fmt.Errorf("%s %s: status %d is not described", r.Method, r.URL.Path, status)
	}
	for name := range c.at(answer, "headers") {
		if header.Get(name) == "" {
			return fmt.Errorf("%s %s: %d has no %s", r.Method, r.URL.Path, status, name)
		}
	}
	content := c.at(answer, "content")
	if content == nil {
		if len(body) > 0 {
			return fmt.Errorf("%s %s: %d has a body", r.Method, r.URL.Path, status)
		}
		return nil
	}
	return c.body(content, header.Get("Content-Type"), body)
}

func (c *contract) body(content map[string]any, kind string, body []byte) error {
	form, ok := content[kind].(map[string]any)
	if !ok {
		return fmt.Errorf("%q is none of %v", kind, slices.Sorted(maps.Keys(content)))
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("%w: %.200s", err, body)
	}
	return c.fits(c.at(form, "schema"), v, "#")
}

// fits checks a value against a schema.
func (c *contract) fits(schema map[string]any, v any, where string) error {
	for keyword, want := range schema {
		if err := c.keyword(schema, keyword, want, v, where); err != nil {
			return err
		}
	}
	return nil
}

func (c *contract) keyword(schema map[string]any, keyword string, want, v any, where string) error {
	text, isText := v.(string)
	list, isList := v.([]any)
	tree, isTree := v.(map[string]any)
	number := func() float64 { return want.(float64) }
	bad := false
	switch keyword {
	case "description":
	case "$ref":
		return c.fits(c.at(map[string]any{"x": schema}, "x"), v, where)
	case "type":
		bad = !c.isType(want, v)
	case "enum":
		bad = !slices.Contains(want.([]any), v)
	case "minLength":
		bad = isText && len(text) < int(number())
	case "maxLength":
		bad = isText && len(text) > int(number())
	case "pattern":
		bad = isText && !regexp.MustCompile(want.(string)).MatchString(text)
	case "format":
		if want != "date-time" {
			return fmt.Errorf("openapi.json: the format %v is not checked", want)
		}
		_, err := time.Parse(time.RFC3339, text)
		bad = isText && err != nil
	case "maxItems":
		bad = isList && len(list) > int(number())
	case "items":
		for i, one := range list {
			if err := c.fits(want.(map[string]any), one, fmt.Sprint(where, "/", i)); err != nil {
				return err
			}
		}
	case "required":
		for _, name := range want.([]any) {
			if _, there := tree[name.(string)]; isTree && !there {
				return fmt.Errorf("%s: %s is missing", where, name)
			}
		}
	case "properties":
		for name, one := range tree {
			if inner, ok := want.(map[string]any)[name].(map[string]any); ok {
				if err := c.fits(inner, one, where+"/"+name); err != nil {
					return err
				}
			}
		}
	case "additionalProperties":
		for name := range tree {
			if c.at(schema, "properties")[name] == nil {
				return fmt.Errorf("%s: %s is not described", where, name)
			}
		}
	default:
		return fmt.Errorf("openapi.json: %s: the keyword %s is not checked", where, keyword)
	}
	if bad {
		return fmt.Errorf("%s: %v does not fit %s %v", where, v, keyword, want)
	}
	return nil
}

func (c *contract) isType(want, v any) bool {
	if all, ok := want.([]any); ok {
		return slices.ContainsFunc(all, func(one any) bool { return c.isType(one, v) })
	}
	switch v := v.(type) {
	case nil:
		return want == "null"
	case string:
		return want == "string"
	case bool:
		return want == "boolean"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v))
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	}
	return false
}

// Every schema of the file is one that the tests can check, and every reference
// leads somewhere.
func TestTheDescriptionHoldsTogether(t *testing.T) {
	c := readContract(t)
	if c.root["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v", c.root["openapi"])
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && c.at(c.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...) == nil {
				t.Errorf("%s leads nowhere", ref)
			}
			for _, one := range v {
				walk(one)
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(c.root)
	// The codes that answers have are those that are described.
	var described []string
	for _, one := range c.at(c.root, "components", "schemas", "Problem", "properties", "code")["enum"].([]any) {
		described = append(described, one.(string))
	}
	for _, code := range []string{
		codeBadJSON, codeBadField, codeTooLarge, codeSlow, codeTooMany, codeContentType, codeNotFound, codeMethod, codeStale, codeSlowDown,
		codeForbidden, codeOrigin, codeUnauthorized, codeLost, codeServer,
	} {
		if !slices.Contains(described, code) {
			t.Errorf("the code %s is not described", code)
		}
	}
}

// A validator that passes everything would prove nothing.
func TestTheContractRefusesWhatIsWrong(t *testing.T) {
	c := readContract(t)
	schema := c.at(c.root, "components", "schemas", "NewRegistration")
	for name, one := range map[string]struct {
		document string
		fits     bool
	}{
		"right":      {`{"kind":"apns","app":"a","token":"aa"}`, true},
		"no app":     {`{"kind":"apns"}`, false},
		"unknown":    {`{"kind":"apns","app":"a","colour":"red"}`, false},
		"a number":   {`{"kind":"apns","app":7}`, false},
		"other kind": {`{"kind":"pigeon","app":"a"}`, false},
		"in a list":  {`{"kind":"apns","app":"a","folders":[1]}`, false},
		"below":      {`{"kind":"apns","app":"a","quiet_hours":{"from":"7pm","until":"07:00","time_zone":"UTC"}}`, false},
		"no time":    {`{"kind":"apns","app":"a","expires":"tomorrow"}`, false},
	} {
		var v any
		if err := json.Unmarshal([]byte(one.document), &v); err != nil {
			t.Fatal(err)
		}
		if err := c.fits(schema, v, "#"); (err == nil) != one.fits {
			t.Errorf("%s: %v", name, err)
		}
	}
}
