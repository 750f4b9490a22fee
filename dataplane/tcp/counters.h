/* counters.h - what a TCP stack counts, each number with its name. */
#pragma once

#include "core/base.h"

/* X(name): all are 64 bits and only grow. */
#define TCP_COUNTERS(X)                                                 \
	X(frames_in)                                                    \
	X(frames_out)                                                   \
	X(frames_foreign) /* not to our MAC, or no IPv4 or ARP */       \
	X(ip_bad_header)  /* version, lengths, source */                \
	X(ip_bad_checksum)                                              \
	X(ip_fragments) /* dropped: we announce an MSS that fits */     \
	X(ip_foreign)   /* another address, or protocol */              \
	X(tcp_bad_header)                                               \
	X(tcp_bad_checksum)                                             \
	X(tcp_bad_options) /* the rest of the options was not read */   \
	X(arp_in)                                                       \
	X(arp_bad)                                                      \
	X(arp_replies)                                                  \
	X(arp_requests)                                                 \
	X(arp_failed) /* a neighbour did not answer */                  \
	X(arp_evicted)                                                  \
	X(icmp_in)                                                      \
	X(icmp_bad)                                                     \
	X(icmp_echoes)                                                  \
	X(icmp_errors)  /* of a flow of ours, plausible */              \
	X(icmp_ignored) /* no flow, or outside its window */            \
	X(segments_in)                                                  \
	X(segments_out)                                                 \
	X(unknown) /* no flow: the owner was asked */                   \
	X(unknown_taken)                                                \
	X(resets_in)                                                    \
	X(resets_out)                                                   \
	X(resets_ignored)  /* outside the window, or in TIME_WAIT */    \
	X(replies_limited) /* RST, echo: over the rate */               \
	X(challenges)                                                   \
	X(challenges_limited)                                           \
	X(paws_dropped)                                                 \
	X(no_timestamp) /* dropped: agreed on, and missing */           \
	X(out_of_window)                                                \
	X(bad_acks)                                                     \
	X(duplicate_bytes)                                              \
	X(reordered_segments)                                           \
	X(reordered_dropped) /* no room to keep it */                   \
	X(received_bytes)                                               \
	X(received_dropped) /* no view, no chunk: it will come again */ \
	X(after_close)      /* data for a flow that nobody reads */     \
	X(sent_bytes)                                                   \
	X(retransmitted_bytes)                                          \
	X(retransmits)                                                  \
	X(fast_recoveries)                                              \
	X(timeouts)                                                     \
	X(probes) /* of a window of zero */                             \
	X(keepalives)                                                   \
	X(gave_up) /* flows that ended without an answer */             \
	X(accepted)                                                     \
	X(connected)                                                    \
	X(refused_full)    /* SYN: no room in the flow table */         \
	X(refused_backlog) /* SYN: dropped, too many are half open */   \
	X(half_open_gone)  /* half-open flows that came to nothing */   \
	X(aux_full)        /* no auxiliary record: done without */      \
	X(time_waits)                                                   \
	X(time_wait_evicted)                                            \
	X(time_wait_reused)                                             \
	X(exported)                                                     \
	X(imported)                                                     \
	X(imports_refused)

struct tcp_counters {
#define TCP_COUNTER_FIELD(name) uint64_t name;
	TCP_COUNTERS(TCP_COUNTER_FIELD)
#undef TCP_COUNTER_FIELD
};

struct tcp_stack;

const struct tcp_counters *tcp_counters(const struct tcp_stack *stack);

/* Records in use: what a test of leaks looks at. */
struct tcp_usage {
	uint32_t flows;
	uint32_t half_open;
	uint32_t views;
	uint32_t aux;
	uint32_t tx_chunks;
	uint32_t rx_chunks;
	uint32_t time_waits;
	uint32_t timers;
	uint32_t events; /* not yet taken */
};

void tcp_usage(const struct tcp_stack *stack, struct tcp_usage *usage);

/*
 * Validates every structure and each flow's numbers. Returns NULL, or what
 * does not hold. For tests: it walks everything.
 */
const char *tcp_check(const struct tcp_stack *stack);
