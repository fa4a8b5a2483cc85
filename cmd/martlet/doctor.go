package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
	"martlet/mail/dns"
)

// finding is one thing that was looked at.
type finding struct {
	Check  string `json:"check"`
	Level  string `json:"level"` // "ok", "warning" or "problem"
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"` // what to do
}

const (
	fine    = "ok"
	warning = "warning"
	problem = "problem"
)

// doctor examines an installation. Nothing it does changes anything, and nothing
// it finds keeps it from looking further.
type doctor struct {
	ctx      context.Context
	c        Config
	offline  bool
	outside  bool          // strangers may be asked
	status   *admin.Status // of the running server; nil: none runs
	domains  []string
	keys     []admin.SigningKey // that mail is signed with
	findings []finding

	dns       *dns.Resolver
	transport http.RoundTripper   // to the public names; nil: http.DefaultTransport
	hostAt    []netip.Addr        // of the hostname, in the DNS
	ours      []netip.Addr        // that mail goes out from
	mxChain   []*x509.Certificate // that [smtp] shows
	judged    [][sha256.Size]byte // certificates that were spoken of
}

// lookTime bounds each look at something that is not on this machine.
const lookTime = 5 * time.Second

func (d *doctor) find(check, level, remedy, format string, args ...any) {
	d.findings = append(d.findings, finding{check, level, fmt.Sprintf(format, args...), remedy})
}

func (a *app) doctorCommand() *cobra.Command {
	var offline, outside bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look for what is wrong with the installation and say what to do", Args: cobra.NoArgs,
		Example: `  martlet doctor --json
  martlet doctor --outside`,
		Long: `Look at the configuration, the certificate, the listeners and what they answer, the
limits of the system, the disk, the clock, the queue, the programs that judge
messages, the DNS of our domains, the names of our addresses, a proxy in front and
the phones whose connections are cut, and say of each whether it is right and what
to do if it is not. It changes nothing, and works with and without a running
server; run it as the user that the server runs as. The exit status is 1 when there
is a problem, 0 when there are warnings at most.

With --outside a well-known mail host is connected to, since many networks keep
outgoing port 25 closed, and blocklists are asked for our addresses: those of
[filter] and some that many servers ask.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &doctor{ctx: cmd.Context(), offline: offline, outside: outside}
			d.examine(a)
			return a.printFindings(d.findings)
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "ask nobody outside of this machine: no DNS, no connection to the public name")
	cmd.Flags().BoolVar(&outside, "outside", false, "ask others too: whether a well-known mail host is reached, and whether our addresses are on blocklists")
	cmd.MarkFlagsMutuallyExclusive("offline", "outside")
	return cmd
}

// errSick is the exit status alone: what it is about has been printed.
var errSick = errors.New("there are problems, see above")

func (a *app) printFindings(all []finding) error {
	bad := false
	for _, f := range all {
		bad = bad || f.Level == problem
	}
	if a.json {
		if err := a.printJSON(all); err != nil {
			return err
		}
	} else {
		for _, f := range all {
			a.printf("%-8s %-14s %s\n", f.Level, f.Check, f.Text)
			if f.Remedy != "" {
				a.printf("%-8s %-14s -> %s\n", "", "", f.Remedy)
			}
		}
	}
	if bad {
		return errSick
	}
	return nil
}

// examine looks at everything in an order in which a cause comes before what it
// causes.
func (d *doctor) examine(a *app) {
	var err error
	if d.c, err = a.load(); err != nil {
		d.find("configuration", problem, "correct it; martlet config check says when it is right", "%v", err)
		return
	}
	d.find("configuration", fine, "", "%s is right", d.c.File)
	for _, err := range d.c.Missing {
		d.find("configuration", warning, "mount it, or take it out", "what is named is not there: %v", err)
	}
	if s, err := admin.Dial(d.ctx, d.c.StorePath); err == nil {
		st, err := admin.Client{Transport: s}.Status(d.ctx)
		s.Close()
		if err == nil {
			d.status = &st
		}
	}
	d.dns = d.c.DNS.resolver(discard())
	d.store()
	d.disk()
	d.certificate()
	d.listeners()
	d.files()
	d.queue()
	d.clock()
	d.apps()
	d.scanners()
	d.phones(a)
	d.signing(a)
	if d.offline {
		return
	}
	d.resolver()
	d.ownAddresses()
	d.names()
	d.reverse()
	d.issuers()
	d.proxy()
	d.entering()
	if d.outside {
		d.leaving()
		d.blocklists()
	}
}

// store looks at where everything lies.
func (d *doctor) store() {
	switch {
	case d.status != nil:
		d.find("server", fine, "", "martlet %s runs, process %d, %d phones held", d.status.Version, d.status.PID, d.status.Held)
	default:
		d.find("server", warning, "start it: systemctl start martlet, or martlet serve", "no server runs on %s", d.c.StorePath)
	}
	if d.status != nil && d.status.UpgradeFailed != "" {
		d.find("upgrade", warning, "", "the last upgrade failed, the old process goes on: %s", d.status.UpgradeFailed)
	}
	info, err := os.Stat(d.c.StorePath)
	if err != nil {
		d.find("store", problem, "martlet quickstart makes one; or mount the disk that it lies on", "%v", err)
		return
	}
	if info.Mode().Perm()&0o077 != 0 {
		d.find("store", problem, "chmod 700 "+d.c.StorePath, "others may look into %s: messages and the socket for administrators lie there", d.c.StorePath)
	}
	if d.c.Key == nil {
		d.find("store", warning, "only a new store can be sealed: martlet quickstart makes a key; move with backup and restore",
			"what is stored is not sealed, and a restart costs a password hash for every phone")
		return
	}
	if info, err := os.Stat(d.c.KeyFile); err == nil && info.Mode().Perm()&0o077 != 0 {
		d.find("store", problem, "chmod 600 "+d.c.KeyFile, "others may read %s, which opens the store and its backups", d.c.KeyFile)
	}
	d.find("store", fine, "", "sealed with the key of %s", d.c.File) // phones takes it back if it does not open
}
