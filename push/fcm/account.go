package fcm

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
)

// account is a service account: the key that Google's console gives for a
// server. https://cloud.google.com/iam/docs/keys-create-delete
type account struct {
	Type        string `json:"type"`
	ProjectID   string `json:"project_id"`
	KeyID       string `json:"private_key_id"`
	Key         string `json:"private_key"`
	Email       string `json:"client_email"`
	TokenURI    string `json:"token_uri"`
	ProjectInfo any    `json:"project_info"` // of another file, which is easily taken for this one
}

// maxAccount bounds the file; Google's have 2.4 KB.
const maxAccount = 64 << 10

// projectID is the form of a project's id, also of old ones in a domain.
// https://cloud.google.com/resource-manager/docs/creating-managing-projects
var projectID = regexp.MustCompile(`^([a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{2,62}$`)

const whereToFind = "in Firebase's console it is made under Project settings, Service accounts"

// parseAccount reads the file and says what is wrong with it in words for an
// administrator, without repeating what is in it.
func parseAccount(file []byte) (*account, error) {
	a := new(account)
	switch {
	case len(file) == 0:
		return nil, errors.New("the service account is missing: " + whereToFind)
	case len(file) > maxAccount:
		return nil, errors.New("the file is too large for a service account")
	case json.Unmarshal(file, a) != nil:
		return nil, errors.New("the file is not a service account: it is not the JSON that Google gives")
	case a.ProjectInfo != nil:
		return nil, errors.New("the file is google-services.json, which is for the app; the server needs a service account: " + whereToFind)
	case a.Type == "":
		return nil, errors.New("the file is not a service account: it has no type; " + whereToFind)
	case a.Type != "service_account":
		return nil, fmt.Errorf("the file is not a service account: its type is %.40q; %s", a.Type, whereToFind)
	case a.Email == "":
		return nil, errors.New("the service account has no client_email")
	case a.Key == "":
		return nil, errors.New("the service account has no private_key")
	}
	return a, checkKey(a.Key)
}

// checkKey holds the key to RS256, the only signature that Google takes here.
func checkKey(text string) error {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return errors.New("the service account's private_key is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			if _, ec := x509.ParseECPrivateKey(block.Bytes); ec == nil {
				return errors.New("the service account's private_key is not RSA")
			}
			return errors.New("the service account's private_key cannot be read")
		}
	}
	key, ok := parsed.(*rsa.PrivateKey)
	switch {
	case !ok:
		return errors.New("the service account's private_key is not RSA")
	case key.N.BitLen() < 2048:
		return fmt.Errorf("the service account's private_key has %d bits, fewer than the 2048 of Google's", key.N.BitLen())
	}
	return nil
}

// complete takes what the administrator set in place of what the file says, and
// checks the rest.
func (a *account) complete(c *App) error {
	if c.ProjectID != "" {
		a.ProjectID = c.ProjectID
	}
	if c.TokenURI != "" {
		a.TokenURI = c.TokenURI
	}
	switch {
	case a.ProjectID == "":
		return errors.New("the project id is missing: neither the service account nor the configuration has one")
	case !projectID.MatchString(a.ProjectID):
		return fmt.Errorf("the project id %.70q is not one: it has small letters, digits and hyphens (a project number or name is something else)", a.ProjectID)
	case a.TokenURI == "":
		return errors.New("the service account has no token_uri")
	}
	if err := checkURL("token_uri", a.TokenURI); err != nil {
		return err
	}
	return checkURL("endpoint", endpointOf(c))
}

func endpointOf(c *App) string {
	if c.Endpoint == "" {
		return defaultEndpoint
	}
	return c.Endpoint
}

// checkURL wants HTTPS: keys and mail go there.
func checkURL(what, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("the %s is not an https URL", what)
	}
	return nil
}
