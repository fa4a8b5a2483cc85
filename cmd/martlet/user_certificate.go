package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"martlet/directory"
	"martlet/gateway/admin"
)

// maxUserFile is how much of a file with certificates or a photo is read: more
// than what is allowed, so that too large a file is told to be too large.
const maxUserFile = directory.MaxPhoto + 1

func (a *app) userCertificate() *cobra.Command {
	return group(&cobra.Command{Use: "certificate", Short: "A user's S/MIME certificates, which others encrypt with"},
		a.userCertificateAdd(), a.userCertificateList(), a.userCertificateRemove())
}

func (a *app) userCertificateAdd() *cobra.Command {
	return &cobra.Command{
		Use: "add LOGIN FILE", Short: "Add the certificates in a file", Args: namedArguments,
		ValidArgsFunction: a.completeLogin,
		Long:              "Add the certificates in a file of PEM, DER or PKCS#7; - reads standard input. Each\nmust name an address of the user. Those of authorities in a chain are left out.",
		Example:           "  martlet user certificate add robin@example.org robin.pem",
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.readUserFile(args[1])
			if err != nil {
				return err
			}
			return a.withCertificates(cmd.Context(), func(c admin.Client) ([]admin.Certificate, error) {
				return c.AddCertificates(cmd.Context(), args[0], b)
			})
		},
	}
}

func (a *app) userCertificateList() *cobra.Command {
	return &cobra.Command{
		Use: "list LOGIN", Short: "List a user's certificates", Args: namedArguments,
		Example:           `  martlet user certificate list robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCertificates(cmd.Context(), func(c admin.Client) ([]admin.Certificate, error) {
				return c.ListCertificates(cmd.Context(), args[0])
			})
		},
	}
}

func (a *app) userCertificateRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove LOGIN FINGERPRINT", Short: "Remove a certificate", Args: namedArguments,
		Example:           `  martlet user certificate remove robin@example.org 7672c187`,
		ValidArgsFunction: a.completeLogin,
		Long:              "Remove the certificate whose fingerprint begins so; \"list\" shows them.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCertificates(cmd.Context(), func(c admin.Client) ([]admin.Certificate, error) {
				return c.RemoveCertificate(cmd.Context(), args[0], args[1])
			})
		},
	}
}

// withCertificates does something and shows the certificates as they are then.
func (a *app) withCertificates(ctx context.Context, do func(admin.Client) ([]admin.Certificate, error)) error {
	return a.withAdmin(ctx, func(c admin.Client) error {
		all, err := do(c)
		if err != nil {
			return err
		}
		return showAll(a, all, "FINGERPRINT\tADDRESSES\tISSUER\tVALID UNTIL", func(c *admin.Certificate) []any {
			until := c.NotAfter.Format("2006-01-02")
			if c.Expired {
				until += " (expired)"
			}
			return []any{c.Fingerprint[:min(16, len(c.Fingerprint))], strings.Join(c.Addresses, " "), c.Issuer, until}
		})
	})
}

func (a *app) userPhoto() *cobra.Command {
	return group(&cobra.Command{Use: "photo", Short: "A user's photo in the address list"}, a.userPhotoSet(), a.userPhotoRemove())
}

func (a *app) userPhotoSet() *cobra.Command {
	return &cobra.Command{
		Use: "set LOGIN FILE", Short: "Set a user's photo", Args: namedArguments,
		Example:           `  martlet user photo set robin@example.org robin.jpg`,
		ValidArgsFunction: a.completeLogin,
		Long:              fmt.Sprintf("Set a user's photo: JPEG or PNG of at most %d KiB; - reads standard input.", directory.MaxPhoto>>10),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.readUserFile(args[1])
			if err != nil {
				return err
			}
			if len(b) == 0 {
				return fmt.Errorf("%s is empty", args[1])
			}
			return a.setPhoto(cmd.Context(), args[0], b, "set the photo of %s\n")
		},
	}
}

func (a *app) userPhotoRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove LOGIN", Short: "Remove a user's photo", Args: namedArguments,
		Example:           `  martlet user photo remove robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setPhoto(cmd.Context(), args[0], nil, "removed the photo of %s\n")
		},
	}
}

func (a *app) setPhoto(ctx context.Context, login string, photo []byte, said string) error {
	return a.withAdmin(ctx, func(c admin.Client) error {
		u, err := c.SetPhoto(ctx, login, photo)
		if err != nil {
			return err
		}
		return a.showUser(u, "", false, said, u.Login)
	})
}

// readUserFile reads a file as far as it may be used.
func (a *app) readUserFile(name string) ([]byte, error) {
	f, err := a.input(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxUserFile))
}
