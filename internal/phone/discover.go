package phone

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Offer is what a server says it can do.
type Offer struct {
	Versions []string
	Commands []string
}

// Options asks what the server can do (MS-ASHTTP 2.2.3).
func (p *Phone) Options(ctx context.Context) (Offer, error) {
	u := p.base()
	answer, err := p.discover(ctx, http.MethodOptions, u.String(), nil)
	if err != nil {
		return Offer{}, err
	}
	versions := answer.Header.Get("MS-ASProtocolVersions")
	if versions == "" {
		return Offer{}, fmt.Errorf("%w: OPTIONS names no versions", ErrForeign)
	}
	return Offer{
		Versions: strings.Split(versions, ","),
		Commands: strings.Split(answer.Header.Get("MS-ASProtocolCommands"), ","),
	}, nil
}

// Autodiscover finds the ActiveSync endpoint of an address with the XML service
// (MS-ASCMD 2.2.1.1), and goes there from now on.
func (p *Phone) Autodiscover(ctx context.Context, address string) (string, error) {
	type request struct {
		XMLName  xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006 Autodiscover"`
		Address  string   `xml:"Request>EMailAddress"`
		Response string   `xml:"Request>AcceptableResponseSchema"`
	}
	body, err := xml.Marshal(request{Address: address, Response: "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"})
	if err != nil {
		return "", fmt.Errorf("phone: Autodiscover: %w", err)
	}
	answer, err := p.discover(ctx, http.MethodPost, p.at("/autodiscover/autodiscover.xml", nil), append([]byte(xml.Header), body...))
	if err != nil {
		return "", err
	}
	var found struct {
		XMLName xml.Name `xml:"Autodiscover"`
		Servers []struct {
			Type string
			URL  string `xml:"Url"`
		} `xml:"Response>Action>Settings>Server"`
		Error *struct{ ErrorCode, Message string } `xml:"Response>Action>Error"`
	}
	if err := xml.Unmarshal(answer.Body, &found); err != nil {
		return "", fmt.Errorf("%w: Autodiscover: %w", ErrForeign, err)
	}
	for _, s := range found.Servers {
		if s.Type == "MobileSync" {
			return s.URL, p.moveTo(s.URL)
		}
	}
	return "", fmt.Errorf("phone: Autodiscover names no MobileSync server: %s", answer.Body[:min(len(answer.Body), 512)])
}

// AutodiscoverJSON does the same with the JSON service, which asks for no
// password.
func (p *Phone) AutodiscoverJSON(ctx context.Context, address string) (string, error) {
	query := url.Values{"Email": {address}, "Protocol": {"ActiveSync"}}
	answer, err := p.discover(ctx, http.MethodGet, p.at("/autodiscover/autodiscover.json", query), nil)
	if err != nil {
		return "", err
	}
	var found struct{ Protocol, URL string }
	if err := json.Unmarshal(answer.Body, &found); err != nil {
		return "", fmt.Errorf("phone: Autodiscover: %w", err)
	}
	if !strings.EqualFold(found.Protocol, "ActiveSync") {
		return "", fmt.Errorf("phone: Autodiscover answers for %q", found.Protocol)
	}
	return found.URL, p.moveTo(found.URL)
}

func (p *Phone) at(path string, query url.Values) string {
	u := p.base()
	u.Path, u.RawQuery = path, query.Encode()
	return u.String()
}

// moveTo checks the endpoint that was found. The phone stays at the host it
// was told when the name it found is not the one it came by: in tests and
// behind proxies the public name leads elsewhere.
func (p *Phone) moveTo(found string) error {
	u, err := parseEndpoint(found)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.Host == p.endpoint.Host {
		p.endpoint = u
	}
	return nil
}

func (p *Phone) discover(ctx context.Context, method, target string, body []byte) (*Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	req.SetBasicAuth(p.cfg.User, p.cfg.Password)
	req.Header.Set("User-Agent", p.cfg.UserAgent)
	if len(body) > 0 {
		req.Header.Set("Content-Type", "text/xml")
	}
	answer, err := p.roundTrip(req, body)
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	if answer.Status != http.StatusOK {
		return nil, &HTTPError{Command: method + " " + req.URL.Path, Status: answer.Status, Header: answer.Header, Body: string(answer.Body[:min(len(answer.Body), 512)])}
	}
	return answer, nil
}
