package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	socketName = "admin.sock"
	// maxRequest bounds what one request carries: a directory file with photos.
	maxRequest = 512 << 20
	// maxSocketPath is what every system takes as the name of a socket.
	maxSocketPath = 100
	// errorTrailer says at the end of a stream how it went.
	errorTrailer = "Martlet-Error"
	wentWell     = "none"
)

// ErrNotRunning tells that nobody listens on the socket.
var ErrNotRunning = errors.New("admin: no server is running")

// within calls fn with a name of the socket in the folder that is short enough
// for the system: a long one is named through the open folder.
func within(folder string, fn func(path string) error) error {
	path := SocketPath(folder)
	if len(path) <= maxSocketPath {
		return fn(path)
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	return fn(fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName))
}

// SocketPath is where the socket of the store in a folder lies.
func SocketPath(folder string) string { return filepath.Join(folder, socketName) }

// Listen opens the socket in a folder whose store the caller has locked: a
// socket that lies there is left over. Only the owner may connect.
func Listen(folder string) (net.Listener, error) {
	path := SocketPath(folder)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("admin: %w", err)
	}
	var l *net.UnixListener
	err := within(folder, func(short string) (err error) {
		if l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"}); err != nil {
			return err
		}
		l.SetUnlinkOnClose(false) // the short name may be another's by then
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		if l != nil {
			l.Close()
		}
		return nil, fmt.Errorf("admin: listen on %s: %w", path, err)
	}
	return l, nil
}

// Server answers on the socket. Use NewServer.
type Server struct {
	admin *Admin
	http  *http.Server
	end   context.CancelFunc
}

// NewServer returns a server that listens nowhere yet.
func NewServer(a *Admin) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{admin: a, end: cancel}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/{operation}", s.serve)
	s.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	return s
}

// Serve answers on l until Shutdown; then it returns nil.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}

// Shutdown lets operations end until ctx does, then breaks them off.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	s.end()
	if err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("operation")
	op, ok := s.admin.table[name]
	if !ok {
		answerError(w, fmt.Errorf("%w: %s", ErrBadRequest, name))
		return
	}
	in, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		answerError(w, fmt.Errorf("%w: %w", ErrBadRequest, err))
		return
	}
	if op.stream != nil {
		s.stream(w, r, op, in)
		return
	}
	out, err := op.call(r.Context(), in)
	if err != nil {
		answerError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(out); err != nil {
		s.admin.log.Debug("administration answer not taken", "operation", name, "error", err)
	}
}

// stream tells in a trailer how it went, because it is known only at the end.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, op operation, in []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", errorTrailer)
	end := wentWell
	if err := op.stream(r.Context(), in, flushing{w, http.NewResponseController(w)}); err != nil {
		_, e := encodeError(err)
		b, _ := json.Marshal(e) // two strings
		end = string(b)
	}
	w.Header().Set(errorTrailer, end)
}

// flushing shows each write at once: lines of progress are worth nothing later.
type flushing struct {
	http.ResponseWriter
	c *http.ResponseController
}

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	if err == nil {
		err = f.c.Flush()
	}
	return n, err
}

func answerError(w http.ResponseWriter, err error) {
	status, e := encodeError(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(e)
}

// Socket is the way to a running server.
type Socket struct{ client *http.Client }

// Dial finds the server whose store is in the folder. ErrNotRunning when there
// is none.
func Dial(ctx context.Context, folder string) (*Socket, error) {
	dial := func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		err = within(folder, func(path string) error {
			var d net.Dialer
			conn, err = d.DialContext(ctx, "unix", path)
			return err
		})
		return conn, err
	}
	conn, err := dial(ctx, "", "")
	// A socket that refuses is what a server that was killed left behind.
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("admin: the server's socket %s: %w", SocketPath(folder), err)
	}
	conn.Close()
	return &Socket{&http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
}

// Close lets the connection go.
func (s *Socket) Close() { s.client.CloseIdleConnections() }

func (s *Socket) post(ctx context.Context, name string, in any) (*http.Response, error) {
	b, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://martlet/v1/"+name, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("admin: the server went away: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		e := &Error{Code: "failed", Text: resp.Status}
		if err := json.NewDecoder(resp.Body).Decode(e); err != nil {
			return nil, fmt.Errorf("admin: the server answered %s", resp.Status)
		}
		return nil, e
	}
	return resp, nil
}

// Call does an operation in the server.
func (s *Socket) Call(ctx context.Context, name string, in, out any) error {
	resp, err := s.post(ctx, name, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("admin: the server's answer: %w", err)
	}
	return nil
}

// Stream does an operation in the server.
func (s *Socket) Stream(ctx context.Context, name string, in any, w io.Writer) error {
	resp, err := s.post(ctx, name, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("admin: the stream broke off: %w", err)
	}
	switch end := resp.Trailer.Get(errorTrailer); end {
	case wentWell:
		return nil
	case "":
		return errors.New("admin: the stream broke off")
	default:
		e := &Error{Code: "failed", Text: end}
		if err := json.Unmarshal([]byte(end), e); err != nil {
			return fmt.Errorf("admin: the server says %q", end)
		}
		return e
	}
}
