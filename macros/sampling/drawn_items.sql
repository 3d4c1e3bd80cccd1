{#-
    The CTEs that draw items for requests; the last is `drawn_items`: one row per request
    and draw with item_number and sampling_probability. Nothing that the user has seen is
    drawn, and nothing twice for one request.

    Requests with strategy `uniform` whose user has seen little are drawn from the whole
    line of items first. Where one of a request's draws was seen or came twice, all its
    draws are thrown away and made once more, and where that fails as well it goes the
    second way. Unseen items are alike in this procedure, so each is as likely as any other.

    The second way draws from the unseen items alone and refuses nothing, by the gap
    method: with seen items of widths w_0, w_1, ... that start at s_0 < s_1 < ..., the free
    places before s_i are s_i - (w_0 + ... + w_(i-1)), so that the free place r stands at r
    plus the widths of the seen items with at most r free places before them. `uniform`
    counts in items (each of width 1), `popularity` in slots. The F free places are cut into
    k strata and turned by one uniform offset modulo F. `uniform` draws once in each stratum;
    `popularity` takes where each begins, which is Madow's systematic sampling: an item of w
    slots is drawn with probability k w / F (Madow 1949, Annals of Mathematical Statistics
    20, 333-354). An item with more than F / k slots would have to be drawn twice: it is
    drawn for certain instead, counts as seen for the others, and so on until none is
    left that large.

    Needs the CTEs `requests` (of sampling_requests), `seen_items` and `item_slots` (as the models of that name).
-#}
{% macro drawn_items() -%}
{{ first_draws() }}

-- From here on the second way.
{{ certain_items() }},

{{ gap_draws() }},

drawn_items as (

    select * from kept_draws_1
    union all
    select * from kept_draws_2
    union all
    select * from gap_draws

)
{%- endmacro %}
