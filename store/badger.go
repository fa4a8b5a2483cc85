package store

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// maxValue bounds one value. Badger would put larger ones into its value log,
// whose sync errors it only logs and whose space it hardly gives back; bodies
// belong into store/blob.
const maxValue = 512 << 10

// maxKey bounds one key.
const maxKey = 1024

const (
	indexCache    = 16 << 20
	valueLogFile  = 1 << 20 // never written to
	numMemtables  = 2
	numCompactors = 2

	// These bound what a compaction writes at once, see space.
	baseLevel      = 10 << 20
	levelZeroStall = 10
	maxTable       = 8 << 20
)

func tableSize(mem int64) int64 { return min(maxTable, mem) }

func openBadger(cfg Config, log *slog.Logger) (*badger.DB, error) {
	mem := cfg.MemTable
	compactors, stall := numCompactors, levelZeroStall
	if cfg.NoCompaction {
		compactors, stall = 0, math.MaxInt // nobody would end the wait
	}
	opt := badger.DefaultOptions(cfg.Path).
		WithLogger(badgerLog{log}).
		WithMetricsEnabled(false).
		WithSyncWrites(true).
		WithDetectConflicts(false). // there is one writer
		WithMemTableSize(mem).
		WithNumMemtables(numMemtables).
		WithBaseTableSize(tableSize(mem)).
		WithBaseLevelSize(baseLevel).
		WithNumLevelZeroTablesStall(stall).
		WithValueThreshold(min(1<<20, mem*15/100)).
		WithValueLogFileSize(valueLogFile).
		WithCompression(options.None). // and thus no cache of blocks
		WithBlockCacheSize(0).
		WithIndexCacheSize(indexCache).
		WithNumCompactors(compactors).
		WithCompactL0OnClose(!cfg.NoCompaction)
	opt.TableSizeMultiplier = 1
	// Managed: the committer numbers the commits itself, so that a View costs
	// no rendezvous with Badger's oracle.
	db, err := badger.OpenManaged(opt)
	if err != nil && strings.Contains(err.Error(), "directory lock") {
		return nil, fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return db, err
}

// badgerLog hands Badger's chatter on at debug level and its errors as errors.
type badgerLog struct{ log *slog.Logger }

func (b badgerLog) Errorf(f string, args ...any)   { b.write(slog.LevelError, f, args) }
func (b badgerLog) Warningf(f string, args ...any) { b.write(slog.LevelDebug, f, args) }
func (b badgerLog) Infof(f string, args ...any)    { b.write(slog.LevelDebug, f, args) }
func (b badgerLog) Debugf(string, ...any)          {} // several lines for each commit

func (b badgerLog) write(level slog.Level, f string, args []any) {
	ctx := context.Background()
	if b.log.Enabled(ctx, level) {
		b.log.Log(ctx, level, "store engine", "text", strings.TrimSpace(fmt.Sprintf(f, args...)))
	}
}
