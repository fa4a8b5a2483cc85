package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) userAppPassword() *cobra.Command {
	return group(&cobra.Command{Use: "app-password", Short: "Passwords for single programs of a user"},
		a.appPasswordAdd(), a.appPasswordList(), a.appPasswordRemove())
}

func (a *app) appPasswordAdd() *cobra.Command {
	var in admin.AppPasswordRequest
	cmd := &cobra.Command{
		Use: "add LOGIN NAME", Short: "Make a password for one program", Args: namedArguments,
		ValidArgsFunction: a.completeLogin,
		Long: "Make a password for one program and print it; it is shown once. With --protocol it\n" +
			"lets in there only: activesync, dav, imap, smtp, pop3, sieve. A user with a second\n" +
			"factor needs one for each program that cannot ask for a code.",
		Example: "  martlet user app-password add robin@example.org laptop --protocol imap,smtp",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Login, in.Name = args[0], args[1]
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				p, err := c.AddAppPassword(cmd.Context(), in)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(p)
				}
				a.printf("added app password %d of %s\npassword: %s\n", p.Number, args[0], p.Password)
				return nil
			})
		},
	}
	cmd.Flags().StringSliceVar(&in.Protocols, "protocol", nil, "where it lets in; may be given several times; all without")
	return cmd
}

func (a *app) appPasswordList() *cobra.Command {
	return &cobra.Command{
		Use: "list LOGIN", Short: "List a user's app passwords", Args: namedArguments,
		Example:           `  martlet user app-password list robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAppPasswords(cmd.Context(), func(c admin.Client) ([]admin.AppPassword, error) {
				return c.AppPasswords(cmd.Context(), args[0])
			})
		},
	}
}

func (a *app) appPasswordRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove LOGIN NUMBER", Short: "Take an app password back", Args: namedArguments,
		Long:              "Take an app password back; \"list\" shows their numbers. It lets in nobody any more at\nonce.",
		Example:           `  martlet user app-password remove robin@example.org 2`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.ParseUint(args[1], 10, 32)
			if err != nil {
				return fmt.Errorf("%q is not a number of an app password", args[1])
			}
			return a.withAppPasswords(cmd.Context(), func(c admin.Client) ([]admin.AppPassword, error) {
				return c.RemoveAppPassword(cmd.Context(), args[0], uint32(n))
			})
		},
	}
}

// withAppPasswords does something and shows the app passwords as they are then.
func (a *app) withAppPasswords(ctx context.Context, do func(admin.Client) ([]admin.AppPassword, error)) error {
	return a.withAdmin(ctx, func(c admin.Client) error {
		all, err := do(c)
		if err != nil {
			return err
		}
		return showAll(a, all, "NUMBER\tNAME\tPROTOCOLS\tCREATED\tLAST USED", func(p *admin.AppPassword) []any {
			where, used := "all", "never"
			if len(p.Protocols) > 0 {
				where = strings.Join(p.Protocols, " ")
			}
			if !p.Used.IsZero() {
				used = p.Used.Format(time.DateOnly)
			}
			return []any{p.Number, p.Name, where, p.Created.Format(time.DateOnly), used}
		})
	})
}

func (a *app) userTOTP() *cobra.Command {
	return group(&cobra.Command{Use: "totp", Short: "A user's second factor: codes that an app shows"},
		a.totpEnrol(), a.totpConfirm(), a.totpShow(), a.totpRemove())
}

func (a *app) totpEnrol() *cobra.Command {
	var issuer string
	cmd := &cobra.Command{
		Use: "enrol LOGIN", Short: "Make a secret for the user's app", Args: namedArguments,
		ValidArgsFunction: a.completeLogin,
		Long: "Make a secret and show it as a QR code for an app that makes codes (TOTP). Nothing\n" +
			"changes for the user until \"confirm\" was given a code of it.",
		Example: `  martlet user totp enrol robin@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withFactor(cmd.Context(), func(c admin.Client) (admin.Factor, error) {
				return c.EnrolFactor(cmd.Context(), args[0], issuer)
			})
		},
	}
	cmd.Flags().StringVar(&issuer, "issuer", "", "name beside which the app shows the code (default: the domain)")
	return cmd
}

func (a *app) totpConfirm() *cobra.Command {
	return &cobra.Command{
		Use: "confirm LOGIN CODE", Short: "Have the second factor count from now on", Args: namedArguments,
		ValidArgsFunction: a.completeLogin,
		Long: "Have the second factor count, with a code of it as proof. From now on the password\n" +
			"alone lets in nowhere: programs that cannot ask for a code need app passwords. The\n" +
			"codes for a lost device are printed once, each is good once.",
		Example: `  martlet user totp confirm robin@example.org 123456`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withFactor(cmd.Context(), func(c admin.Client) (admin.Factor, error) {
				return c.ConfirmFactor(cmd.Context(), args[0], args[1])
			})
		},
	}
}

func (a *app) totpShow() *cobra.Command {
	return &cobra.Command{
		Use: "show LOGIN", Short: "Tell whether a user has a second factor", Args: namedArguments,
		Example:           `  martlet user totp show robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withFactor(cmd.Context(), func(c admin.Client) (admin.Factor, error) { return c.Factor(cmd.Context(), args[0]) })
		},
	}
}

func (a *app) totpRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove LOGIN", Short: "Take a user's second factor away", Args: namedArguments,
		Long:              "Take a user's second factor away: the password lets in again. For users who lost\ntheir device and their codes for that.",
		Example:           `  martlet user totp remove robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withFactor(cmd.Context(), func(c admin.Client) (admin.Factor, error) { return c.RemoveFactor(cmd.Context(), args[0]) })
		},
	}
}

// withFactor does something and shows the second factor as it is then.
func (a *app) withFactor(ctx context.Context, do func(admin.Client) (admin.Factor, error)) error {
	return a.withAdmin(ctx, func(c admin.Client) error {
		f, err := do(c)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(f)
		}
		switch {
		case f.URI != "":
			picture, err := qrText(f.URI)
			if err != nil {
				return err
			}
			a.printf("%ssecret: %s\nuri: %s\nnot in force yet: martlet user totp confirm %s CODE\n", picture, f.Secret, f.URI, f.Login)
		case f.Since.IsZero():
			a.printf("%s has no second factor\n", f.Login)
		default:
			a.printf("%s has a second factor since %s; codes for a lost device: %d left\n", f.Login, f.Since.Format(time.DateOnly), f.Left)
			for _, code := range f.Recovery {
				a.printf("  %s\n", code)
			}
		}
		return nil
	})
}

// qrText draws a QR code with two modules in each character, light on dark as
// terminals are, within the quiet zone that readers need.
func qrText(s string) (string, error) {
	code, err := qr.Encode(s, qr.M, qr.Auto)
	if err != nil {
		return "", err
	}
	const quiet = 4
	n := code.Bounds().Dx()
	light := func(x, y int) bool {
		if x < 0 || y < 0 || x >= n || y >= n {
			return true
		}
		r, _, _, _ := code.At(x, y).RGBA()
		return r != 0
	}
	var b strings.Builder
	for y := -quiet; y < n+quiet; y += 2 {
		for x := -quiet; x < n+quiet; x++ {
			switch up, down := light(x, y), light(x, y+1); {
			case up && down:
				b.WriteRune('█')
			case up:
				b.WriteRune('▀')
			case down:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

func (a *app) userPin() *cobra.Command {
	var name string
	add := a.pinCommand("add", "Have a client certificate let a user in", "robin@example.org 7672c187… --name laptop", &name)
	add.Flags().StringVar(&name, "name", "", "what it is on")
	return group(&cobra.Command{Use: "client-certificate", Short: "Client certificates that let a user in without a password"},
		add, a.pinCommand("list", "List them", "robin@example.org", &name), a.pinCommand("remove", "Take one back", "robin@example.org 7672c187", &name))
}

func (a *app) pinCommand(op, short, example string, name *string) *cobra.Command {
	use := op + " LOGIN"
	if op != "list" {
		use += " FINGERPRINT"
	}
	return &cobra.Command{
		Use: use, Short: short, Args: namedArguments,
		Long:              short + ". A fingerprint is SHA-256 of the certificate in hexadecimal digits.",
		Example:           "  martlet user client-certificate " + op + " " + example,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			in := admin.ClientCertificateRequest{Login: args[0], Name: *name, Fingerprint: strings.Join(args[1:], "")}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				all, err := c.ClientCertificates(cmd.Context(), op, in)
				if err != nil {
					return err
				}
				return showAll(a, all, "FINGERPRINT\tNAME\tCREATED", func(p *admin.ClientCertificate) []any {
					return []any{p.Fingerprint, p.Name, p.Created.Format(time.DateOnly)}
				})
			})
		},
	}
}
