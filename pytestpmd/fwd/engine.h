#ifndef FWD_ENGINE_H
#define FWD_ENGINE_H
#include "eal/mempool.h"
#include "ethdev/ethdev.h"
#include "fwd/csum.h"
#include "fwd/dump.h"
#include "fwd/gro.h"

#define TXONLY_HDR_LEN  42
#define TXONLY_MAX_SEGS 255
#define BURST_BINS      513

/* What txonly sends: Ethernet, IPv4 and UDP headers made up by Python, and the lengths of the
 * segments, which csum may split packets into as well. */
struct txonly_frame {
	uint8_t hdr[42];
	uint16_t nb_segs;
	uint16_t seg_len[255]; /* the first holds the headers */
	uint16_t nb_flows;     /* UDP source ports that are used in turn; 0: just the one in hdr */
	uint16_t split_random; /* each packet gets a random number of the segments */
	uint32_t pkt_len;
	uint64_t tx_flags; /* what is asked for it besides what the stream asks for every packet */
};

struct flowgen;
struct l3fwd;
struct noisy;

/* One receive queue, one transmit queue, and what came of joining them. */
struct fwd_stream {
	rx_burst_t rx_burst;
	void *rx_queue;
	tx_burst_t tx_burst;
	void *tx_queue;
	struct mempool *pool; /* for engines that make packets */
	const struct txonly_frame *txonly;
	struct csum_settings csum; /* of the transmit port */
	uint32_t retry_num;        /* tries more when transmit took less than all; 0: none */
	uint32_t retry_delay_cycles;
	uint16_t tx_port;
	uint8_t peer_mac[6]; /* of what the transmit port sends to */
	uint8_t own_mac[6];  /* the transmit port's */
	uint16_t tx_vlan_tci;
	uint64_t tx_flags; /* what engines that write a header ask the transmit port for: MBUF_F_TX_
	                    */
	uint16_t rx_port;
	uint16_t rx_queue_id;
	uint16_t tx_queue_id;
	struct dump_ring *dump;
	struct l3fwd *l3fwd;   /* for engines that route: where to */
	struct gro_table *gro; /* for csum: what is held to be merged; NULL: nothing is */
	struct flowgen *flowgen;
	struct noisy *noisy;
	struct fwd_stream **neighbours; /* all streams of the lcore, this one too */
	uint32_t nb_neighbours;

	/* Python writes while lcores run */
	uint16_t burst; /* packets asked of receive */
	uint16_t record_bursts;
	uint32_t dump_received; /* whether to note packets */
	uint32_t dump_sent;

	/* lcore writes, console reads */
	uint64_t idle_turns; /* in a row */
	uint64_t rx_packets;
	uint64_t tx_packets;
	uint64_t fwd_dropped;
	uint64_t gro_merged;     /* packets that became part of another */
	uint64_t gso_made;       /* frames that came of longer packets, beyond the first of each */
	uint64_t rx_bad_ip_csum; /* what the receive port found wrong; csum counts */
	uint64_t rx_bad_l4_csum;
	uint64_t busy_cycles;
	uint32_t flow;           /* of the next packet that txonly makes */
	uint32_t random;         /* state of stream_random */
	uint64_t rx_bursts[513]; /* by size, when record_bursts */
	uint64_t tx_bursts[513];
} ALIGNED(64);

/* One turn of an engine on one stream: whether there was anything to do. */
typedef bool (*packet_fwd_t)(struct fwd_stream *fs);

/* After the last turn, on the same lcore: what an engine has held back goes on, or is freed. */
typedef void (*stream_end_t)(struct fwd_stream *fs);

struct fwd_engine {
	const char *name;
	const char *help;
	packet_fwd_t packet_fwd;
	bool can_retry; /* sends, so that `retry` means something */
	bool receives;
	bool transmits;
	stream_end_t stream_end; /* NULL for engines that hold nothing back */
	bool answers; /* sends on the port that it receives from, whatever the topology */
};

uint32_t fwd_engine_count(void);
const struct fwd_engine *fwd_engine_at(uint32_t index);

/* Have the queues settle what bursts left to the next one (ethdev.h). */
void fwd_settle(struct fwd_stream *fs);

/* Receive and free until the queue is empty, at most `most` packets: how many. */
uint32_t fwd_flush(struct fwd_stream *fs, uint32_t most);

/* C only */
#include "eal/net.h"

/* FWD_ENGINE("io", io_forward, "help", .can_retry = true, .receives = true, .transmits = true): the
 * engine is then known to the console, the options and the man pages. */
#define FWD_ENGINE(engine_name, function, engine_help, ...)                                        \
	static const struct fwd_engine function##_engine = {.name = (engine_name),                 \
	        .help = (engine_help),                                                             \
	        .packet_fwd = (function),                                                          \
	        __VA_ARGS__};                                                                      \
	LINKER_TABLE_ENTRY(fwd_engines, function##_engine)

/* xorshift32: who splits packets up has no need of more. */
static inline uint32_t stream_random(struct fwd_stream *fs)
{
	uint32_t x = fs->random ? fs->random : 0x9e3779b9;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return fs->random = x;
}

static ALWAYS_INLINE uint16_t stream_receive(struct fwd_stream *fs, struct mbuf **pkts)
{
	uint16_t n = fs->rx_burst(fs->rx_queue, pkts, fs->burst);

	if (unlikely(fs->record_bursts))
		fs->rx_bursts[n]++;
	if (unlikely(load_relaxed(&fs->dump_received)) && n)
		dump_burst(fs->dump, pkts, n, fs->rx_port, fs->rx_queue_id, false);
	fs->rx_packets += n;
	return n;
}

/* What the transmit port is to do with a packet of Ethernet and IPv4. */
static ALWAYS_INLINE void stream_ask(const struct fwd_stream *fs, struct mbuf *m, uint64_t tx_flags)
{
	if (likely(!tx_flags))
		return;
	m->ol_flags = tx_flags | (m->ol_flags & MBUF_F_RX_TIMESTAMP);
	m->vlan_tci = fs->tx_vlan_tci;
	m->l2_len = sizeof(struct ether_hdr);
	m->l3_len = sizeof(struct ipv4_hdr);
}

uint16_t stream_retry(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n, uint16_t sent);

/* Send n packets; what the port does not take, after retrying, is freed and counted. How many were
 * sent. */
static ALWAYS_INLINE uint16_t stream_transmit(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n)
{
	uint16_t sent;

	if (unlikely(load_relaxed(&fs->dump_sent)))
		dump_burst(fs->dump, pkts, n, fs->tx_port, fs->tx_queue_id, true);
	sent = fs->tx_burst(fs->tx_queue, pkts, n);
	if (unlikely(sent < n && fs->retry_num))
		sent = stream_retry(fs, pkts, n, sent);
	if (unlikely(fs->record_bursts))
		fs->tx_bursts[sent]++;
	fs->tx_packets += sent;
	if (unlikely(sent < n)) {
		fs->fwd_dropped += (uint16_t)(n - sent);
		mbuf_free_bulk(&pkts[sent], (uint16_t)(n - sent));
	}
	return sent;
}

#endif
