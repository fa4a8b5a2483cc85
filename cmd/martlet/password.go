package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// passwordFlags are the ways a password comes in.
type passwordFlags struct{ stdin, generate bool }

func (p *passwordFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from the first line of standard input")
	cmd.Flags().BoolVar(&p.generate, "generate", false, "make a password and print it")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "generate")
}

// password gets one as the flags say, else by asking at the terminal. made
// tells that it was generated and has to be shown.
func (a *app) password(p passwordFlags) (password string, made bool, err error) {
	switch {
	case p.generate:
		return generatePassword(), true, nil
	case p.stdin:
		password, err := firstLine(a.in)
		return password, false, err
	case terminal(a.in):
		password, err := a.askPassword()
		return password, false, err
	}
	return "", false, errors.New("no password: give --password-stdin or --generate")
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("no password: the first line of standard input is empty")
	}
	return line, nil
}

func (a *app) askPassword() (string, error) {
	var typed [2]string
	for i, prompt := range []string{"Password: ", "Once more: "} {
		a.note("%s", prompt)
		b, err := term.ReadPassword(int(a.in.Fd()))
		a.note("\n")
		if err != nil {
			return "", fmt.Errorf("password: %w", err)
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords are not the same")
	}
	if typed[0] == "" {
		return "", errors.New("the password is empty")
	}
	return typed[0], nil
}

// generatePassword makes one of 100 bits that can be typed on a phone: no
// capitals, nothing that looks like something else.
func generatePassword() string {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789" // 32 of them
	b := make([]byte, 20)
	rand.Read(b)
	var s strings.Builder
	for i, x := range b {
		if i > 0 && i%5 == 0 {
			s.WriteByte('-')
		}
		s.WriteByte(letters[int(x)%len(letters)])
	}
	return s.String()
}
