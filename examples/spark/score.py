"""Scores a table on Spark with the model in Production: no rows leave the executors."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as sql

from stageline.models import spark_udf

spark = SparkSession.builder.appName("rent").getOrCreate()
predict = spark_udf(spark, "models:/rent/Production")  # fixed now, whatever is promoted meanwhile

flats = spark.read.parquet("flats.parquet").repartition(4)
scored = flats.withColumn("rent", predict("rooms", "metres"))
scored.write.mode("overwrite").parquet("scored.parquet")

spark.read.parquet("scored.parquet").groupBy("rooms").agg(
    sql.count("*").alias("flats"), sql.round(sql.avg("rent")).alias("mean rent")
).orderBy("rooms").show()
spark.stop()
