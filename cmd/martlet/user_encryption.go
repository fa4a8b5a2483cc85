package main

import (
	"strings"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) userEncryption() *cobra.Command {
	var in admin.EncryptionRequest
	var key string
	var smime, off bool
	cmd := &cobra.Command{
		Use: "encryption LOGIN", Short: "Encrypt a user's arriving mail to the user's key", Args: namedArguments,
		ValidArgsFunction: a.completeLogin,
		Long: "Encrypt mail that arrives for a user from now on: with --openpgp to the public key in a\n" +
			"file (- reads standard input), with --smime to the user's certificates. Without a flag,\n" +
			"show what is set.",
		Example: "  martlet user encryption robin@example.org --openpgp robin.asc",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Login = args[0]
			switch {
			case off:
				in.Method = "off"
			case smime:
				in.Method = "smime"
			case key != "":
				in.Method = "openpgp"
				var err error
				if in.File, err = a.readUserFile(key); err != nil {
					return err
				}
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				e, err := c.Encryption(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.showEncryption(&e)
			})
		},
	}
	cmd.Flags().StringVar(&key, "openpgp", "", "file with the user's OpenPGP public key")
	cmd.Flags().BoolVar(&smime, "smime", false, "encrypt to the user's S/MIME certificates")
	cmd.Flags().BoolVar(&off, "off", false, "leave arriving mail as it is")
	cmd.MarkFlagsMutuallyExclusive("openpgp", "smime", "off")
	return cmd
}

func (a *app) showEncryption(e *admin.Encryption) error {
	if a.json {
		return a.printJSON(e)
	}
	switch {
	case e.Method == "off":
		a.printf("mail for %s is not encrypted\n", e.Login)
		return nil
	case e.Problem != "":
		a.printf("mail for %s should be encrypted (%s) but STAYS PLAIN: %s\n", e.Login, e.Method, e.Problem)
		return nil
	}
	a.printf("mail for %s is encrypted (%s) to %s\n", e.Login, e.Method, strings.Join(e.Fingerprints, ", "))
	if e.Expires != nil {
		a.printf("until %s; after that it stays plain\n", e.Expires.Format("2006-01-02"))
	}
	return nil
}
