package main

import (
	"crypto/x509"
	"os"
)

type smimeFile struct {
	Roots        string `toml:"roots"`
	PrivateLists bool   `toml:"private_lists"`
}

// smimeRoots reads the authorities of a file and adds those of the system. Nil
// stands for those of the system alone.
func (r *configReader) smimeRoots(file string) *x509.CertPool {
	if file == "" {
		return nil
	}
	pem, err := os.ReadFile(r.path(file))
	if err != nil {
		r.fail("smime", "roots", "%v", err)
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		r.fail("smime", "roots", "%s holds no certificate in PEM", file)
	}
	return pool
}
