from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sgis", "0001_initial")]
    operations = [
        migrations.AddField(
            "Sgi", "city", models.CharField(blank=True, max_length=100, default=""), preserve_default=False
        )
    ]
