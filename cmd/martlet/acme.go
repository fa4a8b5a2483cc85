package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// newACME fetches certificates from an authority and renews them (RFC 8555).
// The authority asks back on port 443, which our own listener answers (RFC
// 8737); what it gave is kept in the store's folder.
func newACME(c *Config, log *slog.Logger) (*certificates, error) {
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil },
		Logger:           zap.NewNop(),
	})
	magic = certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: filepath.Join(c.StorePath, tlsFolder)},
		Logger:  zap.NewNop(),
		// Mail servers often name nobody, or the domain they have mail for.
		DefaultServerName: c.TLS.Names[0], FallbackServerName: c.TLS.Names[0],
		OnEvent: func(_ context.Context, event string, data map[string]any) error {
			logACME(log, event, data)
			return nil
		},
	})
	magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(magic, certmagic.ACMEIssuer{
		CA: cmp.Or(c.TLS.Directory, certmagic.LetsEncryptProductionCA), Email: c.TLS.Email,
		// Whoever writes tls = "acme" agrees; martlet.toml says so.
		Agreed: true, DisableHTTPChallenge: true, AltTLSALPNPort: portOf(c.HTTPS), Logger: zap.NewNop(),
	})}
	t := magic.TLSConfig()
	t.MinVersion = tls.VersionTLS12
	t.NextProtos = append([]string{"h2", "http/1.1"}, t.NextProtos...)
	return &certificates{
		config: t,
		begin:  func(ctx context.Context) error { return magic.ManageAsync(ctx, c.TLS.Names) },
		end:    cache.Stop,
	}, nil
}

// portOf is the port that the authority's question arrives at.
func portOf(listen []string) int {
	for _, l := range listen {
		if _, port, err := net.SplitHostPort(l); err == nil {
			n, _ := strconv.Atoi(port) // checked when the configuration was read
			return n
		}
	}
	return 0
}

func logACME(log *slog.Logger, event string, data map[string]any) {
	name, err := data["identifier"], data["error"]
	switch event {
	case "cert_obtained":
		log.Info("certificate obtained", "name", name, "renewal", data["renewal"])
	case "cert_failed":
		log.Error("certificate not obtained", "name", name, "error", err)
	case "cert_obtaining":
		log.Info("certificate asked for", "name", name)
	}
}
