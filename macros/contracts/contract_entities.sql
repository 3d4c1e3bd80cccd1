{#- Every raw entity that has a contract, as pairs of source and entity. -#}
{% macro contract_entities() %}
    {{ return([
        ("canonical", "interactions"),
        ("canonical", "items"),
        ("canonical", "predictions"),
        ("canonical", "users"),
        ("microlens", "pairs"),
        ("microlens", "titles"),
        ("movielens", "movies"),
        ("movielens", "ratings"),
        ("movielens", "tags"),
        ("movielens", "users"),
        ("recomart", "products"),
        ("recomart", "transactions"),
        ("recomart", "users"),
    ]) }}
{% endmacro %}
