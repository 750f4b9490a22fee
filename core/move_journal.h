/* move_journal.h - commits that outlive the process, and their return. */
#pragma once

struct move;
struct moves;
struct pool;

enum move_word {
	WORD_COMMITTED, /* source: it is another's from here on */
	WORD_ANSWERED,  /* source: and the other has it */
	WORD_ENDED,     /* source: the other lost it: it is nobody's */
	WORD_HOME,      /* destination: it runs here */
};

/* Writes the journal's record of a guest. The process may die behind it. 0 or
 * -errno. */
int move_journal(struct move *move, enum move_word word);

/* What earlier lives committed and nobody acknowledged: said again. Before
 * the shard runs. */
int moves_recover(struct moves *moves);

/* Which guests earlier lives committed elsewhere: pool->away. Before the
 * shards are made. */
int move_journal_away(struct pool *pool);
