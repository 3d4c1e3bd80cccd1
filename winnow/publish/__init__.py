"""What is published: generations, the lake of Parquet files, and where they lie."""
