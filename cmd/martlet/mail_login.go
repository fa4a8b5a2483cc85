package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"martlet/mail/sasl"
)

// decoyFile holds what salts of logins that do not exist are made of: it must not
// change when the server starts anew, for salts of accounts do not.
const (
	decoyFile = "decoy.key"
	// srsFile holds what addresses of messages that are passed on are signed with.
	srsFile    = "srs.key"
	secretSize = 32
)

// mailGate is where the doors of mail ask who logs in.
func (s *server) mailGate(c *Config) (*sasl.Gate, error) {
	secret, err := secretIn(filepath.Join(c.StorePath, decoyFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", decoyFile, err)
	}
	return s.tokenGate(&sasl.Gate{Directory: s.directory, Guard: s.guard, Secret: secret, Certificates: c.ClientCerts.any()}), nil
}

// secretIn reads a file of random bytes, or makes one.
func secretIn(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if err == nil && len(secret) == secretSize {
		return secret, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	secret = make([]byte, secretSize)
	rand.Read(secret)
	return secret, os.WriteFile(path, secret, 0o600)
}
