{#-
    One row per positive and draw: an item of the tenant that the user has never seen, in
    any split and by any event that counts as seen; all in numbers, training.negatives
    shows the same rows with ids. Drawn by the tenant's own strategy, see
    macros/sampling/drawn_items.sql. The draws depend on the seed, the tenant, the
    interaction and the pool (the user's unseen items and, for draws by popularity, the
    slots of all items), and on nothing else.
-#}

{{ stored_draws('negative_strategy', 'negative_ratio', 'negatives') }}
