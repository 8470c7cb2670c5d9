package main

import (
	"encoding/binary"
	"path/filepath"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/troupe-go/troupe/mailbox/bolt"
)

func openBolt(b *place) system {
	store, err := bolt.Open(filepath.Join(b.TempDir(), "mail.db"))
	if err != nil {
		b.Fatal(err)
	}
	return ofStore(b, store)
}

// openRawBolt appends to a bucket, with bbolt's own batches, reads with a cursor as much
// as there is up to 64, and deletes that in one transaction. Each of them is on the disk
// when it returns.
func openRawBolt(b *place) system {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "raw.db"), 0o600, &bbolt.Options{
		NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.MaxBatchSize, db.MaxBatchDelay = 64, 200*time.Microsecond
	name := []byte("mail")
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(name); return err }); err != nil {
		b.Fatal(err)
	}
	came := make(chan struct{}, 1)
	put := func(update func(func(*bbolt.Tx) error) error) func([]byte) error {
		return func(body []byte) error {
			defer func() {
				select {
				case came <- struct{}{}:
				default:
				}
			}()
			return update(func(tx *bbolt.Tx) error {
				bucket := tx.Bucket(name)
				n, err := bucket.NextSequence()
				if err != nil {
					return err
				}
				return bucket.Put(binary.BigEndian.AppendUint64(nil, n), body)
			})
		}
	}
	return system{
		put: put(db.Batch), alone: put(db.Update),
		serve: func(n int, handled func()) error { return serveRawBolt(db, name, came, n, handled) },
	}
}

func serveRawBolt(db *bbolt.DB, name []byte, came <-chan struct{}, n int, handled func()) error {
	for n > 0 {
		var keys [][]byte
		err := db.View(func(tx *bbolt.Tx) error {
			c := tx.Bucket(name).Cursor()
			for k, v := c.First(); k != nil && len(keys) < 64; k, v = c.Next() {
				keys = append(keys, append([]byte(nil), k...))
				_ = append([]byte(nil), v...)
				handled()
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			<-came
			continue
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			for _, k := range keys {
				if err := tx.Bucket(name).Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		n -= len(keys)
	}
	return nil
}
