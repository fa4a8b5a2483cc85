package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) deviceCommand() *cobra.Command {
	return group(&cobra.Command{Use: "device", Short: "The phones of a user: list them, see what they cannot take"}, a.deviceList(), a.deviceShow(), a.devicePassword(), a.deviceBroken(), a.deviceOffer())
}

func (a *app) deviceList() *cobra.Command {
	return &cobra.Command{
		Use: "list LOGIN", Short: "List the phones of a user", Args: namedArguments,
		Long:              "List the phones of a user. When one was last seen is noted once an hour.",
		Example:           `  martlet device list robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				all, err := c.Devices(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return showAll(a, all, "DEVICE\tTYPE\tMODEL\tVERSION\tLAST SEEN\tRECOVERY PASSWORD", func(d *admin.Device) []any {
					kept := "no"
					if d.Password {
						kept = "yes"
					}
					return []any{d.ID, d.Type, d.Model, d.Version, d.LastSeen.Local().Format(time.DateTime), kept}
				})
			})
		},
	}
}

var errNoRecovery = errors.New("the phone has kept no recovery password; see [activesync] password_recovery")

func (a *app) devicePassword() *cobra.Command {
	return &cobra.Command{
		Use: "password LOGIN DEVICE", Short: "Show the recovery password that a phone has kept", Args: namedArguments,
		Example:           `  martlet device password robin@example.org IPHONE5C1F`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				d, err := c.DevicePassword(cmd.Context(), args[0], args[1])
				if err != nil {
					return err
				}
				if d.Recovery == "" {
					return errNoRecovery
				}
				if a.json {
					return a.printJSON(d)
				}
				a.printf("%s\n", d.Recovery)
				return nil
			})
		},
	}
}
