package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// phoneError says what may be wrong, where an answer alone does not.
func phoneError(err error) error {
	var answer *phone.HTTPError
	var status *phone.StatusError
	var hint string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, phone.ErrWipe):
		hint = "an administrator has ordered the device to be wiped"
	case errors.Is(err, phone.ErrForeign):
		hint = noServerHere
	case errors.As(err, &answer):
		hint = httpHint(answer)
	case errors.As(err, &status):
		hint = statusHint(status)
	default:
		hint = networkHint(err)
	}
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w\n%s", err, hint)
}

const (
	noServerHere = "no ActiveSync server answers here: is --url right? does a proxy in front lead elsewhere?"
	noProvision  = "the server wants the device to provision: martlet phone provision, with the same --memory"
)

// httpHint explains an HTTP status.
func httpHint(e *phone.HTTPError) string {
	hint := map[int]string{
		400: "the server does not understand the request",
		401: "login or password are wrong",
		403: "the account may not synchronise, or this device is blocked",
		404: "there is no ActiveSync at this address",
		405: noServerHere,
		413: "the request is larger than the server takes",
		449: noProvision,
		451: "the mailbox is on another server: " + e.Header.Get("X-MS-Location"),
		501: noServerHere,
		502: "a proxy in front has no server behind it",
		503: "the server is busy, had too many wrong passwords from here, or a proxy in front has no server behind it",
		504: "a proxy in front gave up: it must wait for an hour (3600 s)",
	}[e.Status]
	offers := strings.Join(e.Header.Values("WWW-Authenticate"), ", ")
	switch after := e.Header.Get("Retry-After"); {
	case e.Status == http.StatusUnauthorized && offers != "" && !strings.Contains(strings.ToLower(offers), "basic"):
		scheme, _, _ := strings.Cut(offers, " ")
		hint = "the server takes no passwords here, it wants " + scheme + ", which this phone does not speak"
	case e.Status/100 == 3:
		hint = "sent on to " + e.Header.Get("Location") + ", where no phone follows; " + noServerHere
	case e.Status == http.StatusServiceUnavailable && after != "":
		hint += "; it wants to be left alone for " + after + " s"
	case e.Status == http.StatusBadRequest && e.Body != "" && !strings.HasPrefix(e.Body, "<"):
		line, _, _ := strings.Cut(e.Body, "\n")
		hint += ": " + strings.TrimSpace(line)
	}
	return hint
}

// statusHint explains a status in an answer (MS-ASCMD 2.2.2).
func statusHint(e *phone.StatusError) string {
	if errors.Is(e, phone.ErrProvision) {
		return noProvision
	}
	if e.Command == "ItemOperations" && e.Status == uint16(eas.ItemOperationsStatusNotFound) {
		return "there is no such message: with --folder give the id that sync or find showed, without the one that search showed"
	}
	return map[uint16]string{
		eas.StatusUserDisabledForSync:        "the user may not use phones",
		eas.StatusUserOnNewMailboxCannotSync: "the user's mailbox is being moved",
		eas.StatusDeviceIsBlockedForThisUser: "this device is blocked: an administrator must allow it",
		eas.StatusAccessDenied:               "the server refuses this account or device",
		eas.StatusAccountDisabled:            "the account is disabled",
		eas.StatusServerErrorRetryLater:      "the server has trouble: try again later, and look at its log",
		eas.StatusVersionNotSupported:        "the server does not take this with this --protocol",
		eas.StatusMaximumDevicesReached:      "the user has as many devices as the server allows",
	}[e.Status]
}

// networkHint explains why there was no answer.
func networkHint(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var lookup *net.DNSError
	switch {
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid):
		return "the certificate is not trusted: a phone would refuse it, too; --ca or --insecure goes on"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within --timeout"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return "there is no TLS on this port: http:// is another way to write --url, which phones do not take"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: does the server run, is the port right?"
	case errors.As(err, &lookup):
		return "the name is not in DNS"
	}
	return ""
}
